import type { IncomingMessage } from 'node:http'
import { invalidArgument, S3Error, unknownCoding } from '../errors.js'
import type { ByteAccount } from './byte-budget.js'

/** One HTTP request as a value; everything that a signature covers is kept in its encoded form. */
export interface HttpRequest {
  readonly method: string
  /** Scheme of the connection to this server; a proxy in front may use another. */
  readonly scheme: 'http' | 'https'
  /** The path of the request line, still encoded, up to the first `?`; includes the mount prefix. */
  readonly rawPath: string
  /** The text after the first `?`, still encoded; '' without a `?`. */
  readonly rawQuery: string
  /** Decoded parameters in order; a name may be repeated. */
  readonly query: ReadonlyMap<string, readonly string[]>
  /** By lower-case name; the values of a repeated header in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: AsyncIterable<Uint8Array>
  /** Counts the bytes of the body that are kept in memory. */
  readonly memory: ByteAccount
}

/** A framework's request that keeps the original target beside the shortened one. */
type MountedMessage = IncomingMessage & { readonly originalUrl?: string }

/**
 * Reads a request with the target that the client sent, even if a framework has shortened it.
 *
 * @throws S3Error NotImplemented for a Transfer-Encoding other than `chunked`, InvalidRequest for one in HTTP/1.0, or for
 *   more headers than Node keeps.
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
  requireChunkedAlone(message, headers)
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

/** The raw path prefix that a framework has removed from the target, such as '/s3'; '' if it has removed none. */
export function mountPathOf(message: IncomingMessage): string {
  const received = pathOf(receivedTarget(message))
  const passedOn = pathOf(originForm(message.url ?? '/'))
  if (received === passedOn) return ''
  if (received.endsWith(passedOn)) return received.slice(0, -passedOn.length)
  return passedOn === '/' ? received : ''
}

/** The request target as the client sent it, in origin form. */
export function receivedTarget(message: MountedMessage): string {
  return originForm(message.originalUrl ?? message.url ?? '/')
}

/** The path of a target: the text before the first `?`. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

/** The value of a header, with repeated values joined as a signature joins them; undefined if it is missing. */
export function header(request: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  return request.headers.get(name)?.join(',')
}

/** The value of a query parameter. @throws S3Error InvalidArgument if it is repeated, since only one could be used. */
export function queryValue(request: Pick<HttpRequest, 'query'>, name: string): string | undefined {
  const values = request.query.get(name)
  if (values === undefined) return undefined
  if (values.length > 1) {
    throw invalidArgument(name, { message: `The query parameter ${name} was given more than once.` })
  }
  return values[0]
}

/** The integer in a query parameter; undefined if it is missing or empty. @throws S3Error InvalidArgument */
export function queryCount(
  request: Pick<HttpRequest, 'query'>,
  name: string,
  bounds: { readonly least: number; readonly most: number },
): number | undefined {
  const text = queryValue(request, name)
  if (text === undefined || text === '') return undefined
  const count = Number(text)
  if (!/^\d{1,10}$/.test(text) || count < bounds.least || count > bounds.most) {
    throw invalidArgument(name, {
      value: text,
      message: `Argument ${name} must be an integer between ${bounds.least} and ${bounds.most}`,
    })
  }
  return count
}

/** Decodes `%XX` as UTF-8. @throws S3Error InvalidURI if that fails. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new S3Error('InvalidURI', { cause })
  }
}

/** `http` for a message that a framework injects without a connection. */
function schemeOf({ socket }: { readonly socket?: object }): 'http' | 'https' {
  return socket !== undefined && 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
}

/** Removes the scheme and authority from an absolute-form target (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target)
  if (authority === null) return target
  const rest = target.slice(authority[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** S3 reads `+` in a query as a space. */
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

/**
 * Node does not decode other codings, so the encoded bytes would be stored; proxies disagree on where they end. HTTP/1.0 has
 * no codings, so a proxy may read the same bytes as two requests (RFC 9112, 6.1).
 */
function requireChunkedAlone({ httpVersion }: IncomingMessage, headers: ReadonlyMap<string, readonly string[]>): void {
  const codings = headers.get('transfer-encoding')?.join(',')
  if (codings === undefined) return
  if (codings.trim().toLowerCase() !== 'chunked') throw unknownCoding()
  if (httpVersion !== '1.0') return
  throw new S3Error('InvalidRequest', { message: 'HTTP/1.0 has no Transfer-Encoding.' })
}

/** Node silently drops headers beyond a thousand, which may include a second Host or Content-MD5. */
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

export const headerName = /^[\w!#$%&'*+.^`|~-]+$/
export const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Whether a text is a valid header name. */
export function isHeaderName(text: string): boolean {
  return headerName.test(text)
}

/** Whether a text is a valid header value, whose bytes are written as Latin-1. */
export function isHeaderValue(text: string): boolean {
  return headerValue.test(text)
}
