import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { createAnswer } from './answer.js'
import { S3Error } from './errors.js'
import { type Address, parseAddress, withTrustedHost } from './http/address.js'
import { readBody } from './http/body.js'
import { createByteBudget } from './http/byte-budget.js'
import { answerPreflight, corsHeaders, isPreflight } from './http/cors.js'
import { hasBody } from './http/early-answer.js'
import { mountPathOf, pathOf, readRequest, receivedTarget } from './http/request.js'
import { setHeaders, writeError, writeResponse } from './http/write-response.js'
import { type AuthConfig, readAuthConfig, readOptions, type S3HandlerOptions } from './options.js'
import type { PfsClient } from './pfs/client.js'
import { isIterable } from './pfs/observed-call.js'
import { RequestRecord } from './request-record.js'
import { s3ErrorFrom } from './resolver/s3-error.js'
import { ServiceTokenError } from './service-token.js'

type Next = (error?: unknown) => unknown
type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

/** Answers one HTTP request; a listener of `node:http`, `node:https` and `node:http2` servers. */
export interface S3Handler {
  /** Calls `next` for a request outside `basePath`; without `next`, such a request gets 404 NotFound. */
  (req: AnyRequest, res: AnyResponse, next?: Next): Promise<void>
  /** For a server's 'checkContinue' event: the client is told to send its body when its signature has been checked. */
  /**
   * Writes the records that were to follow within a second. Call it when the server has closed, before the process ends.
   */
  readonly flush: () => Promise<void>
  readonly checkContinue: (req: AnyRequest, res: AnyResponse) => Promise<void>
}

/** S3 over PFS as a request listener of any Node.js HTTP server; throws TypeError for an option that is none. */
export function createS3Handler(pfs: PfsClient, authConfig: AuthConfig, options: S3HandlerOptions = {}): S3Handler {
  const settings = readOptions(options)
  const budget = createByteBudget(settings.maxBufferedBytes)
  const answer = createAnswer(pfs, readAuthConfig(authConfig), settings)

  async function exchange(req: IncomingMessage, res: ServerResponse, beforeBody?: () => void): Promise<void> {
    const requestId = createRequestId()
    const record = new RequestRecord(req, requestId)
    const left = new AbortController()
    // Each PFS call of the request listens to it, and Node warns above ten.
    setMaxListeners(0, left.signal)
    let address: Address | undefined
    res.once('close', () => {
      if (!res.writableFinished) left.abort(new Error('the client has left'))
      void tell(settings.onResponse, record.end(res, body))
    })
    res.setHeader('x-amz-request-id', requestId)
    // A type is what the answer says, not what a browser makes of the bytes.
    res.setHeader('x-content-type-options', 'nosniff')
    const memory = budget.open()
    const body = readBody(req, { timeoutMilliseconds: settings.bodyTimeoutMilliseconds, beforeBody, memory })
    try {
      const request = withTrustedHost(readRequest(req, body, memory), settings.trustForwardedHost)
      address = parseAddress(request, { ...settings, mountPath: mountPathOf(req) || settings.basePath })
      record.addressed(request, address)
      requireUnreadBody(req)
      const bucket = address.kind === 'service' ? undefined : address.bucket
      setHeaders(res, corsHeaders(settings.cors, bucket, request))
      const response = isPreflight(request)
        ? answerPreflight(settings.cors, bucket, request)
        : await answer(request, address, left.signal, record)
      body.close()
      if (!isIterable(response.body)) record.begins()
      await writeResponse(res, response, req.method === 'HEAD')
    } catch (failure) {
      body.close()
      const error = s3ErrorFrom(failure, address)
      const context = record.failed(error)
      if (address !== undefined && address.kind !== 'service' && showsRegion(error)) {
        res.setHeader('x-amz-bucket-region', settings.region)
      }
      if (!left.signal.aborted && isForOperators(error)) void tell(settings.onError, error.cause ?? error, context)
      if (!left.signal.aborted) record.begins()
      await writeError(req, res, error, requestId)
    } finally {
      memory.close()
    }
  }

  // Node's HTTP/2 requests and responses have every member of HTTP/1's that is used here, though not their types.
  const handler = async (req: AnyRequest, res: AnyResponse, next?: Next): Promise<void> => {
    if (next !== undefined && isOutside(req as IncomingMessage, settings.basePath)) next()
    else await exchange(req as IncomingMessage, res as ServerResponse)
  }
  const checkContinue = (req: AnyRequest, res: AnyResponse): Promise<void> =>
    exchange(req as IncomingMessage, res as ServerResponse, () => res.writeContinue())
  return Object.assign(handler, { checkContinue, flush: answer.flush })
}

/** Calls a hook. What it throws is a warning of the process: no request is to suffer from it, nor to hide it. */
async function tell<Told extends unknown[]>(hook: (...told: Told) => unknown, ...told: Told): Promise<void> {
  try {
    await hook(...told)
  } catch (thrown) {
    process.emitWarning(thrown instanceof Error ? thrown : String(thrown))
  }
}

/** 16 upper-case hex digits, as S3's; a UUID, since Node draws the randomness of many at a time. */
function createRequestId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()
}

/**
 * Failures of ours or of PFS (NotImplemented is none), tokens of the configuration that Pachyderm refuses, and wrong
 * signatures, whose likely cause the client does not hear.
 */
function isForOperators(error: S3Error): boolean {
  if (error.code === 'SignatureDoesNotMatch' || error.cause instanceof ServiceTokenError) return true
  return error.status >= 500 && error.code !== 'NotImplemented'
}

/** SDKs find out the region of a bucket by a request that is refused. */
function showsRegion(error: S3Error): boolean {
  return error.status === 403 || error.code === 'AuthorizationHeaderMalformed'
}

function isOutside(req: IncomingMessage, basePath: string): boolean {
  if (basePath === '' || mountPathOf(req) !== '') return false
  const path = pathOf(receivedTarget(req))
  return path !== basePath && !path.startsWith(`${basePath}/`)
}

/** A body that was read before it came here is gone, and with it the bytes that the signature is of. */
function requireUnreadBody(req: IncomingMessage): void {
  if (!req.readableDidRead || !hasBody(req)) return
  throw new S3Error('InvalidRequest', {
    message:
      'The body of this request was read before it reached the S3 handler. Mount the handler before body parsers (such as express.json) or keep them off its path; in hapi, set payload.parse to false and payload.output to stream on its route.',
  })
}
