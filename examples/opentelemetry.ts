import { subscribe } from 'node:diagnostics_channel'
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { RequestMessage } from 'pfs-s3-gateway'

// Import this before the server starts: each request becomes a span below that of its `traceparent` header.
const tracer = trace.getTracer('pfs-s3-gateway')
const spans = new WeakMap<object, Span>()

subscribe('pfs-s3-gateway:request:start', (message) => {
  const { request } = message as RequestMessage
  const parent = propagation.extract(context.active(), request.headers)
  spans.set(message as object, tracer.startSpan('S3', { kind: SpanKind.SERVER }, parent))
})

subscribe('pfs-s3-gateway:request:end', (message) => {
  const span = spans.get(message as object)
  const { log } = message as RequestMessage
  if (span === undefined || log === undefined) return
  span.updateName(`S3.${log.action ?? 'unknown'}`)
  span.setAttributes({ 'rpc.system': 'aws-api', 'rpc.method': log.action, 'aws.s3.bucket': log.bucket })
  span.setAttributes({ 'http.response.status_code': log.status, 'pfs.calls': log.pfsCalls })
  if (log.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR, message: log.code ?? '' })
  span.end()
})
