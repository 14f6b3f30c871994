import { createHash } from 'node:crypto'
import { percentEncode } from '../encoding.js'
import { S3Error } from '../errors.js'
import { type HttpRequest, percentDecode } from '../http/request.js'
import { wireBytes } from './hmac.js'

/** The parts of a request other than its path that a V4 signature covers. */
export interface SignedParts {
  readonly method: string
  readonly canonicalQuery: string
  readonly signedHeaders: readonly string[]
  /** `name:value` lines, each ended by a line break. */
  readonly canonicalHeaders: string
  readonly payloadHash: string
}

/** Builds the canonical request of Signature V4 from a canonical path. */
export function canonicalRequest(canonicalPath: string, parts: SignedParts): string {
  return [
    parts.method,
    canonicalPath,
    parts.canonicalQuery,
    parts.canonicalHeaders,
    parts.signedHeaders.join(';'),
    parts.payloadHash,
  ].join('\n')
}

/** The hex SHA-256 of text as received on the wire. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(wireBytes(text)).digest('hex')
}

/**
 * The paths that a client may have signed: S3's canonical form (decoded, then encoded as AWS does, never normalised) and
 * the path as sent. Both name the same key, so accepting either is safe.
 */
export function canonicalPaths(rawPath: string): readonly string[] {
  const sent = rawPath === '' ? '/' : rawPath
  const canonical = percentDecode(sent).split('/').map(percentEncode).join('/')
  return canonical === sent ? [canonical] : [canonical, sent]
}

/** The parameters, encoded as AWS does and sorted by name, then value. Built from the values that the operation uses. */
export function canonicalQuery(query: HttpRequest['query'], without?: string): string {
  const pairs: [string, string][] = []
  for (const [name, values] of query) {
    if (name === without) continue
    for (const value of values) pairs.push([percentEncode(name), percentEncode(value)])
  }
  pairs.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

/** Header lines in the order of `names`; a missing header signs as an empty one. */
export function canonicalHeaders(request: Pick<HttpRequest, 'headers'>, names: readonly string[]): string {
  return names.map((name) => `${name}:${canonicalHeader(request, name) ?? ''}\n`).join('')
}

/** The values of a header, with white space folded and repeated values joined; undefined if it is missing. */
function canonicalHeader(request: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  return headerValues(request, name)
    ?.map((value) => trimSpace(value).replace(/[ \t]+/g, ' '))
    .join(',')
}

/** The values of a header, trimmed and joined, as Signature V2 signs them; undefined if it is missing. */
export function trimmedHeader(request: Pick<HttpRequest, 'headers'>, name: string): string | undefined {
  return headerValues(request, name)?.map(trimSpace).join(',')
}

/** HTTP/2 sends the host as a pseudo-header, but clients sign it as `host`. */
function headerValues(request: Pick<HttpRequest, 'headers'>, name: string): readonly string[] | undefined {
  return request.headers.get(name) ?? (name === 'host' ? request.headers.get(':authority') : undefined)
}

/** Trims only the white space of HTTP: a byte such as 0xA0 may be part of a UTF-8 character. */
function trimSpace(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isSpace(value.charCodeAt(start))) start++
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Throws AccessDenied unless the host and every `x-amz-*` header of the request are signed. */
export function requireSignedHeaders(request: Pick<HttpRequest, 'headers'>, signedHeaders: readonly string[]): void {
  const required = ['host', ...[...request.headers.keys()].filter((name) => name.startsWith('x-amz-'))]
  const signed = new Set(signedHeaders)
  const unsigned = required.filter((name) => !signed.has(name))
  if (unsigned.length === 0) return
  throw new S3Error('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    fields: { HeadersNotSigned: unsigned.join(', ') },
  })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
