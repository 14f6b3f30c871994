import { invalidArgument } from '../errors.js'
import { type HttpRequest, queryValue } from '../http/request.js'
import { percentEncode } from '../percent-encoding.js'

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
