import { createHash } from 'node:crypto'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { duplexPair, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { S3Handler } from '../handler.js'
import { type Signer, signedHeaders } from './sign-request.js'

/** Options of `createS3Fetch`. */
export interface S3FetchOptions {
  /**
   * Signs each request (Signature V4). In mode `pachyderm`, access key and secret are both the Pachyderm token.
   *
   * @default requests are anonymous
   */
  readonly signer?: Signer
}

/** `fetch` that also accepts a path, such as `/master.images/a.txt`. */
export type S3Fetch = typeof fetch

/** The origin of paths without a host. */
const origin = 'http://s3.localhost'

/**
 * Creates a `fetch` that sends its requests to a handler in this process, without a socket or a port. Requests and
 * responses pass through Node's HTTP parser, so headers, chunks and broken connections behave as over the network.
 *
 * @example
 * ```ts
 * const fetch = createS3Fetch(createS3Handler(createMemoryPfs({ repos: { images: { master: {} } } }), { mode: 'none' }))
 * await fetch('/master.images/a.txt', { method: 'PUT', body: 'hello' })
 * assert.equal(await (await fetch('/master.images/a.txt')).text(), 'hello')
 * ```
 */
export function createS3Fetch(handler: S3Handler, { signer }: S3FetchOptions = {}): S3Fetch {
  const server = createServer(handler).on('checkContinue', handler.checkContinue)

  return async (input, init) => {
    const request = new Request(typeof input === 'string' ? new URL(input, origin) : input, init)
    const url = new URL(request.url)
    const body = isStream(init?.body) ? undefined : new Uint8Array(await request.arrayBuffer())
    const headers = {
      ...Object.fromEntries(request.headers),
      host: url.host,
      ...(body !== undefined && hasLength(request, body) && { 'content-length': String(body.length) }),
    }
    const payloadHash = body === undefined ? 'UNSIGNED-PAYLOAD' : createHash('sha256').update(body).digest('hex')
    const [near, far] = duplexPair()
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    server.emit('connection', far)
    const outgoing = httpRequest({
      createConnection: () => near,
      method: request.method,
      path: url.pathname + url.search,
      headers:
        signer === undefined ? headers : signedHeaders(signer, { method: request.method, url, headers }, payloadHash),
      signal: request.signal,
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve).once('error', reject)
    })
    if (body !== undefined) outgoing.end(body)
    else
      Readable.fromWeb(request.body as ReadableStream)
        .on('error', (error) => outgoing.destroy(error))
        .pipe(outgoing)
    return responseFrom(await answered, request.method)
  }
}

function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

/** Like `fetch`, sends a Content-Length with a body, and with an empty body if the method expects one. */
function hasLength({ method }: Request, body: Uint8Array): boolean {
  return body.length > 0 || method === 'PUT' || method === 'POST'
}

function responseFrom(message: IncomingMessage, method: string): Response {
  const { statusCode: status = 500, statusMessage: statusText = '', rawHeaders } = message
  const headers = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  }
  const isBodyless = method === 'HEAD' || status === 204 || status === 304
  if (isBodyless) message.resume()
  const body = isBodyless ? null : (Readable.toWeb(message) as globalThis.ReadableStream<Uint8Array>)
  return new Response(body, { status, statusText, headers })
}
