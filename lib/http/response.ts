import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { S3Error } from '../errors.js'
import { endEarly, hasMoreToSend } from './body.js'
import { pathOf, receivedTarget } from './request.js'
import { plainXmlDocument, xmlDeclaration } from './xml.js'

/** Lower-case names; one that is undefined is not sent. */
export type Headers = Readonly<Record<string, string | undefined>>

/** An answer as a value. */
export interface S3Response {
  readonly status: number
  readonly headers?: Headers
  /** A stream is as long as its `content-length` says; a promise is of a document, and white space goes before it. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | Promise<string>
}

/** An answer whose body is an XML document. */
export function xmlResponse(document: string, headers: Headers = {}): S3Response & { readonly body: string } {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: document }
}

/**
 * Sends an answer. The head of a streamed body goes out with its first chunk, so that what fails before it can still be
 * answered; what fails after it cuts the connection.
 */
export async function writeResponse(res: ServerResponse, response: S3Response, headOnly: boolean): Promise<void> {
  const { body } = response
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    const content = typeof body === 'string' ? Buffer.from(body) : body
    writeHead(res, response, bodyless(response.status) ? undefined : (content?.length ?? 0))
    // Not in end(), from which Node knows the length before it writes the headers.
    if (content !== undefined && content.length > 0 && !headOnly) res.write(content)
    res.end()
    return
  }
  if (body instanceof Promise) {
    writeHead(res, response, undefined)
    await writeLateDocument(res, body)
    return
  }
  const iterator = body[Symbol.asyncIterator]()
  const first = await iterator.next()
  writeHead(res, response, undefined)
  await pipeline(resume(first, iterator), res)
}

/**
 * Answers with an error in S3's XML; a HEAD has none. Where an answer has begun, the error becomes its document if
 * that is still to come; otherwise the connection is cut, since nothing else tells the client that the body is not whole.
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
  // HTTP/2 has no such header, and no need of it: the body is a stream of its own.
  if (req.httpVersionMajor < 2) res.setHeader('connection', 'close')
  await endEarly(req, res, document)
}

function errorDocument(error: S3Error, resource: string, requestId: string): string {
  return plainXmlDocument('Error', {
    Code: error.code,
    Message: error.message,
    ...error.fields,
    Resource: resource,
    RequestId: requestId,
  })
}

/** No length is written for an answer that by HTTP has no content (RFC 9110, 8.6). */
function bodyless(status: number): boolean {
  return status === 204 || status === 304
}

/** Sets headers on an answer that has not begun; an undefined value is none. */
export function setHeaders(res: ServerResponse, headers: Headers): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) res.setHeader(name, value)
  }
}

function writeHead(res: ServerResponse, response: S3Response, length: number | undefined): void {
  res.statusCode = response.status
  const { 'content-length': contentLength = length?.toString(), ...headers } = response.headers ?? {}
  // The length last: behind it, Node would read a Content-Disposition as UTF-8.
  setHeaders(res, { ...headers, 'content-length': contentLength })
}

async function* resume(
  first: IteratorResult<Uint8Array>,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let step = first; !step.done; step = await iterator.next()) yield step.value
  } finally {
    await iterator.return?.()
  }
}

/** How long a client hears nothing before the answer begins, and then between one sign of life and the next. */
const keepAliveMilliseconds = 5000

/** An answer whose document is there at once. */
export type DocumentResponse = S3Response & { readonly body: string }

/** Answers that have begun with white space, and whose body may still be an error. */
const begun = new WeakSet<ServerResponse>()

/**
 * The answer to work that may take longer than clients wait. What is ready, or has failed, within seconds is answered as
 * it is. Later, the answer has begun: status 200, and a document that comes when it comes, which may be an error's.
 */
export async function answerLate(answer: Promise<DocumentResponse>): Promise<S3Response> {
  const ready = await withinPause(answer)
  if (ready !== undefined) return ready
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: answer.then(({ body }) => body) }
}

/** Sends white space until the document is there, and then the document; the head is out already. */
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

/** Whether a document is still to come in an answer that has begun. */
function awaitsDocument(res: ServerResponse): boolean {
  return begun.has(res) && !res.writableEnded
}

/** Ends an answer that has begun with white space. */
function endLateDocument(res: ServerResponse, document: string): void {
  res.end(document.slice(xmlDeclaration.length))
}

/** The result of work if it comes within a pause; undefined if it does not. */
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
