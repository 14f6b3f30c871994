import { invalidArgument, S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import type { LengthLimits } from './policy-conditions.js'

/** A number of bytes from a header; undefined without the header. */
export function readLength(request: HttpRequest, name: string): number | undefined {
  const text = header(request, name)
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidArgument(name, { value: text, message: `Invalid value for ${name}.` })
}

/** Passes a body on and throws IncompleteBody unless it is exactly `length` bytes; of any length where undefined. */
export async function* exactLength(
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0
  for await (const bytes of body) {
    seen += bytes.length
    if (length !== undefined && seen > length) break
    yield bytes
  }
  if (length !== undefined && seen !== length) throw new S3Error('IncompleteBody')
}

/** Passes a body on and throws EntityTooSmall or EntityTooLarge unless its length in bytes is within the limits. */
export async function* limitedLength(
  body: AsyncIterable<Uint8Array>,
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY }: LengthLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0
  for await (const bytes of body) {
    seen += bytes.length
    if (seen > maxLength) {
      throw new S3Error('EntityTooLarge', { fields: { ProposedSize: String(seen), MaxSizeAllowed: String(maxLength) } })
    }
    yield bytes
  }
  if (seen < minLength) {
    throw new S3Error('EntityTooSmall', { fields: { ProposedSize: String(seen), MinSizeAllowed: String(minLength) } })
  }
}
