import type { IncomingMessage } from 'node:http'
import { invalidArgument, S3Error } from '../errors.js'
import type { ByteAccount } from './byte-budget.js'

/** One HTTP request as a value; nothing in it has been decoded that a signature covers. */
export interface HttpRequest {
  readonly method: string
  /** Of the connection to this server; a proxy may have been asked by another. */
  readonly scheme: 'http' | 'https'
  /** The path as it stood on the request line, still encoded, before the first `?`; mount prefix included. */
  readonly rawPath: string
  /** What followed the first `?`, still encoded; '' without one. */
  readonly rawQuery: string
  /** Decoded parameters in order; a name may come more than once. */
  readonly query: ReadonlyMap<string, readonly string[]>
  /** Lower-case names; the values of a repeated header in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: AsyncIterable<Uint8Array>
  /** Counts what is kept in memory of the body. */
  readonly memory: ByteAccount
}

/** The request of a framework that keeps the target it received beside the one that it has cut. */
type MountedMessage = IncomingMessage & { readonly originalUrl?: string }

/**
 * Reads what the client sent, from the target that the framework received rather than the one it passes on.
 *
 * @throws S3Error InvalidRequest for a Transfer-Encoding other than `chunked`, and for more headers than Node keeps.
 */
export function readRequest(
  message: IncomingMessage,
  body: AsyncIterable<Uint8Array>,
  memory: ByteAccount,
): HttpRequest {
  const target = receivedTarget(message)
  const rawPath = pathOf(target)
  const rawQuery = target.slice(rawPath.length + 1)
  const headers = headersFrom(message.rawHeaders)
  requireChunkedAlone(headers)
  return {
    method: message.method ?? 'GET',
    scheme: schemeOf(message),
    rawPath,
    rawQuery,
    query: parseQuery(rawQuery),
    headers,
    body,
    memory,
  }
}

/** The raw path that the framework has taken off the target, such as '/s3'; '' where it has taken off none. */
export function mountPathOf(message: IncomingMessage): string {
  const received = pathOf(receivedTarget(message))
  const passedOn = pathOf(originForm(message.url ?? '/'))
  if (received === passedOn) return ''
  if (received.endsWith(passedOn)) return received.slice(0, -passedOn.length)
  return passedOn === '/' ? received : ''
}

/** The request target as the client sent it, though a framework may have cut it; in origin form. */
export function receivedTarget(message: MountedMessage): string {
  return originForm(message.originalUrl ?? message.url ?? '/')
}

/** What stands before the first `?` of a target. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

/** The value of a header, a repeated one joined as a signature joins it; undefined without one. */
export function header(request: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  return request.headers.get(name)?.join(',')
}

/** The value of a query parameter; a repeated one is refused, since only one of the two could be obeyed. */
export function queryValue(request: Pick<HttpRequest, 'query'>, name: string): string | undefined {
  const values = request.query.get(name)
  if (values === undefined) return undefined
  if (values.length > 1) {
    throw invalidArgument(name, { message: `The query parameter ${name} was given more than once.` })
  }
  return values[0]
}

/** Decodes `%XX` as UTF-8; throws InvalidURI where that is not possible. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new S3Error('InvalidURI', { cause })
  }
}

/** Of a message that a framework injects without a connection, `http`. */
function schemeOf({ socket }: { readonly socket?: object }): 'http' | 'https' {
  return socket !== undefined && 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
}

/** An absolute-form target (RFC 9112, 3.2.2) without its scheme and authority. */
function originForm(target: string): string {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target)
  if (authority === null) return target
  const rest = target.slice(authority[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** In a query `+` is a space, as S3 reads it. */
function parseQuery(rawQuery: string): ReadonlyMap<string, readonly string[]> {
  const query = new Map<string, string[]>()
  if (rawQuery === '') return query
  for (const pair of rawQuery.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = queryDecode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : queryDecode(pair.slice(equals + 1))
    const values = query.get(name)
    if (values === undefined) query.set(name, [value])
    else values.push(value)
  }
  return query
}

function queryDecode(text: string): string {
  return percentDecode(text.replaceAll('+', ' '))
}

/** Another coding, which Node passes on as it is, would be stored as content; servers on the way differ on how it ends. */
function requireChunkedAlone(headers: ReadonlyMap<string, readonly string[]>): void {
  const codings = headers.get('transfer-encoding')?.join(',')
  if (codings === undefined || codings.trim().toLowerCase() === 'chunked') return
  throw new S3Error('InvalidRequest', { message: 'The Transfer-Encoding must be chunked and nothing else.' })
}

/** Node drops headers beyond a thousand without a word, a second Host or Content-MD5 among them. */
const maxRawHeaders = 2000

function headersFrom(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  if (rawHeaders.length >= maxRawHeaders) {
    throw new S3Error('InvalidRequest', { message: 'The request has too many headers.' })
  }
  const headers = new Map<string, string[]>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? ''
    const value = rawHeaders[index + 1] ?? ''
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return headers
}
