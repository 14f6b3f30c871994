import { percentEncode } from '../encoding.js'
import { invalidArgument } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { type HttpRequest, queryValue } from '../http/request.js'

/** A whole number out of the query; undefined where it is absent or empty. Throws InvalidArgument. */
export function parseCount(
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

/** Most entries of one page of a listing, whatever is asked for. */
const maxPage = 1000

/** How many entries a page of a listing may have, from 0 to 1000; throws InvalidArgument. */
export function parsePageSize(request: Pick<HttpRequest, 'query'>, name: string): number {
  return Math.min(parseCount(request, name, { least: 0, most: 2_147_483_647 }) ?? maxPage, maxPage)
}

/** The `prefix` of a listing of keys, '' where absent; throws KeyTooLongError where no key could begin with it. */
export function parsePrefix(request: Pick<HttpRequest, 'query'>): string {
  return requireKeyLength(queryValue(request, 'prefix') ?? '')
}

/** How keys go into a listing's XML. */
export interface KeyWriter {
  readonly encodingType: 'url' | undefined
  readonly write: (key: string) => string
}

/** The `encoding-type` of a listing; throws InvalidArgument. */
export function parseEncodingType(request: Pick<HttpRequest, 'query'>): 'url' | undefined {
  const value = queryValue(request, 'encoding-type')
  if (value === undefined || value === 'url') return value
  throw invalidArgument('encoding-type', { value, message: 'Invalid Encoding Method specified in Request' })
}

/** Writes keys as they are, or percent-encoded (`encoding-type=url`) for what XML cannot carry. */
export function createKeyWriter(encodingType: 'url' | undefined): KeyWriter {
  return { encodingType, write: encodingType === 'url' ? urlEncode : (key) => key }
}

/** S3 leaves slashes as they are and writes a space as `+`. */
function urlEncode(key: string): string {
  return percentEncode(key).replaceAll('%2F', '/').replaceAll('%20', '+')
}

/** An opaque continuation token that says after which name a listing goes on. */
export function tokenFrom(name: string): string {
  return Buffer.from(name).toString('base64url')
}

/** The name in a continuation token; throws InvalidArgument for one that was never given out. */
export function readToken(token: string): string {
  const name = Buffer.from(token, 'base64url').toString()
  if (name !== '' && tokenFrom(name) === token) return name
  throw invalidArgument('continuation-token', { message: 'The continuation token provided is incorrect' })
}
