import { S3Error } from '../errors.js'

/** A byte range; both ends are inclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Parses a `Range` header for an object of `size` bytes. Returns undefined if S3 sends the whole object: no header, another
 * unit, several ranges, or a malformed range.
 *
 * @throws S3Error InvalidRange if the range is outside the object.
 */
export function parseRange(value: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(value?.trim() ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Number(last)
    if (length === 0) throw unsatisfiable(value, size)
    // The last bytes of an empty object are the whole object (RFC 9110, 14.1.2).
    return size === 0 ? undefined : { start: Math.max(0, size - length), end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Number(last)
  if (last !== '' && end < start) return undefined
  if (start >= size) throw unsatisfiable(value, size)
  return { start, end: Math.min(end, size - 1) }
}

/** The `Content-Range` of a response with `range` out of `size` bytes. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`
}

/**
 * Cuts `range` out of a stream that begins at `range.start`. The last bytes are held back until the stream has ended or
 * has proved longer: a consumer may leave as soon as it has all bytes, and leaving a stream before its end resets the call.
 * If the `size` of the whole object is given, a range up to its end fails before its last bytes if the stream continues.
 *
 * @throws Error if the stream ends early.
 */
export async function* cutTo(
  range: ByteRange,
  stream: AsyncIterable<Uint8Array>,
  size?: number,
): AsyncGenerator<Uint8Array> {
  let left = range.end - range.start + 1
  let last: Uint8Array | undefined
  for await (const chunk of stream) {
    if (last === undefined) {
      if (chunk.length < left) yield chunk
      else last = chunk.subarray(0, left)
    }
    left -= chunk.length
    if (left < 0) break
  }
  if (last === undefined) throw new Error(`the stream ended ${left} bytes early`)
  if (left < 0 && range.end + 1 === size) throw new Error(`the stream continues after ${size} bytes`)
  yield last
}

function unsatisfiable(value: string | undefined, size: number): S3Error {
  return new S3Error('InvalidRange', {
    fields: { RangeRequested: value ?? '', ActualObjectSize: String(size) },
    headers: { 'content-range': `bytes */${size}` },
  })
}
