import { percentEncode } from '../encoding.js'
import { invalidArgument } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { type HttpRequest, queryCount, queryValue } from '../http/request.js'

/** Maximum entries per page of a listing. */
const maxPage = 1000

/** The requested page size of a listing, limited to 0 to 1000; throws InvalidArgument. */
export function parsePageSize(request: Pick<HttpRequest, 'query'>, name: string): number {
  return Math.min(queryCount(request, name, { least: 0, most: 2_147_483_647 }) ?? maxPage, maxPage)
}

/** The `prefix` of a listing, '' by default; throws KeyTooLongError if no key can start with it. */
export function parsePrefix(request: Pick<HttpRequest, 'query'>): string {
  return requireKeyLength(queryValue(request, 'prefix') ?? '')
}

/** Writes keys into the XML of a listing. */
export interface KeyWriter {
  readonly encodingType: 'url' | undefined
  readonly write: (key: string) => string
}

/** Parses the `encoding-type` of a listing; throws InvalidArgument. */
export function parseEncodingType(request: Pick<HttpRequest, 'query'>): 'url' | undefined {
  const value = queryValue(request, 'encoding-type')
  if (value === undefined || value === 'url') return value
  throw invalidArgument('encoding-type', { value, message: 'Invalid Encoding Method specified in Request' })
}

/** Writes keys unchanged, or percent-encoded (`encoding-type=url`) since XML cannot contain every character. */
export function createKeyWriter(encodingType: 'url' | undefined): KeyWriter {
  return { encodingType, write: encodingType === 'url' ? urlEncode : (key) => key }
}

/** S3 does not encode slashes. It writes a space as `+`, which not every client decodes; all of them decode `%20`. */
function urlEncode(key: string): string {
  return percentEncode(key).replaceAll('%2F', '/')
}

/** An opaque continuation token with the name after which a listing continues. */
export function tokenFrom(name: string): string {
  return Buffer.from(name).toString('base64url')
}

/** The name in a continuation token; throws InvalidArgument if the gateway cannot have issued it. */
export function readToken(token: string): string {
  const name = Buffer.from(token, 'base64url').toString()
  if (name !== '' && tokenFrom(name) === token) return name
  throw invalidArgument('continuation-token', { message: 'The continuation token provided is incorrect' })
}
