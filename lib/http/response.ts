import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { S3Error } from '../errors.js'
import { endEarly, hasMoreToSend } from './body.js'
import { pathOf, receivedTarget } from './request.js'
import { plainXmlDocument, xmlDeclaration } from './xml.js'

/** By lower-case name; undefined values are not sent. */
export type Headers = Readonly<Record<string, string | undefined>>

/** A response as a value. */
export interface S3Response {
  readonly status: number
  readonly headers?: Headers
  /** A stream has the length of `content-length`; a promise resolves to a document, with white space sent before it. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | Promise<string>
}

/** A response with an XML document as its body. */
export function xmlResponse(document: string, headers: Headers = {}): S3Response & { readonly body: string } {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: document }
}

/**
 * Sends a response. The headers of a streamed body are sent with its first chunk, so that an earlier failure can still
 * become an error response; a later failure cuts the connection.
 */
export async function writeResponse(res: ServerResponse, response: S3Response, headOnly: boolean): Promise<void> {
  const { body } = response
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    const content = typeof body === 'string' ? Buffer.from(body) : body
    writeHead(res, response, bodyless(response.status) ? undefined : (content?.length ?? 0))
    // Not with end(content): once Node knows the length, it re-encodes a Content-Disposition header.
    if (content !== undefined && content.length > 0 && !headOnly) res.write(content)
    res.end()
    return
  }
  if (body instanceof Promise) {
    writeHead(res, response, undefined)
    await writeLateDocument(res, body)
    return
  }
  const begun = await begin(body)
  writeHead(res, response, undefined)
  await pipeline(begun, res)
}

/**
 * Sends an error as S3's XML; without a body for HEAD. If a late response has begun, the error becomes its document. Any
 * other response that has begun is cut off, since nothing else tells the client that the body is incomplete.
 */
export async function writeError(
  req: IncomingMessage,
  res: ServerResponse,
  error: S3Error,
  requestId: string,
): Promise<void> {
  const withBody = req.method !== 'HEAD' && !bodyless(error.status)
  const document = withBody ? errorDocument(error, pathOf(receivedTarget(req)), requestId) : undefined
  if (res.headersSent || res.destroyed) {
    if (document !== undefined && !res.destroyed && awaitsDocument(res)) endLateDocument(res, document)
    else res.destroy()
    return
  }
  const response = xmlResponse(document ?? '', error.headers)
  if (!hasMoreToSend(req)) {
    await writeResponse(res, { ...response, status: error.status }, !withBody)
    return
  }
  writeHead(res, { ...response, status: error.status }, document === undefined ? 0 : Buffer.byteLength(document))
  // HTTP/2 does not allow this header; each body is a stream there.
  if (req.httpVersionMajor < 2) res.setHeader('connection', 'close')
  await endEarly(req, res, document)
}

/** The document of an error; `resource` is the path of the request, if it could be read. */
export function errorDocument(error: S3Error, resource: string | undefined, requestId: string): string {
  return plainXmlDocument('Error', {
    Code: error.code,
    Message: error.message,
    ...error.fields,
    Resource: resource,
    RequestId: requestId,
  })
}

/** HTTP allows no Content-Length for a response without content (RFC 9110, 8.6). */
function bodyless(status: number): boolean {
  return status === 204 || status === 304
}

/** Sets headers on a response that has not begun; skips undefined values. */
export function setHeaders(res: ServerResponse, headers: Headers): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) res.setHeader(name, value)
  }
}

function writeHead(res: ServerResponse, { status, headers = {} }: S3Response, length: number | undefined): void {
  const { 'content-length': contentLength = length?.toString(), ...others } = headers
  res.statusCode = status
  setHeaders(res, others)
  // The length goes last: after it, Node would encode a Content-Disposition as UTF-8.
  if (contentLength !== undefined) res.setHeader('content-length', contentLength)
}

/** Waits for the first chunk of a body, which no variable keeps while the rest is sent. */
async function begin(body: AsyncIterable<Uint8Array>): Promise<AsyncGenerator<Uint8Array>> {
  const iterator = body[Symbol.asyncIterator]()
  return resume([await iterator.next()], iterator)
}

async function* resume(
  begun: IteratorResult<Uint8Array>[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { done, value } = begun.pop() ?? (await iterator.next())
      if (done === true) return
      yield value
    }
  } finally {
    await iterator.return?.()
  }
}

/** Longest silence before a late response begins, and between two of its keep-alive bytes, in milliseconds. */
const keepAliveMilliseconds = 10_000

/** A response whose document is complete. */
export type DocumentResponse = S3Response & { readonly body: string }

/** Responses that have begun with white space, and whose body may still be an error. */
const begun = new WeakSet<ServerResponse>()

/**
 * The response to work that may take longer than clients wait. If the work settles within seconds, the response is as
 * usual. Otherwise it begins with status 200, the headers that the work has announced, and white space; the document follows
 * later and may contain an error.
 */
export async function respondLate(
  work: (announce: (headers: Headers) => void) => Promise<DocumentResponse>,
): Promise<S3Response> {
  let announced: Headers = {}
  const answer = work((headers) => {
    announced = headers
  })
  const ready = await withinPause(answer)
  if (ready !== undefined) return ready
  const headers = { 'content-type': 'application/xml', ...announced }
  return { status: 200, headers, body: answer.then(({ body }) => body) }
}

/** Sends white space until the document is complete, then the document; the headers have been sent. */
async function writeLateDocument(res: ServerResponse, document: Promise<string>): Promise<void> {
  begun.add(res)
  res.write(xmlDeclaration)
  for (;;) {
    const ready = await withinPause(document)
    if (ready !== undefined) {
      endLateDocument(res, ready)
      return
    }
    res.write(' ')
  }
}

/** Whether a response has begun and its document is still pending. */
function awaitsDocument(res: ServerResponse): boolean {
  return begun.has(res) && !res.writableEnded
}

/** Ends a response that has begun with white space. */
function endLateDocument(res: ServerResponse, document: string): void {
  res.end(document.slice(xmlDeclaration.length))
}

/** The result of work if it settles within a pause; otherwise undefined. */
async function withinPause<Result>(work: Promise<Result>): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined
  const pause = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), keepAliveMilliseconds)
  })
  try {
    return await Promise.race([work, pause])
  } finally {
    clearTimeout(timer)
  }
}
