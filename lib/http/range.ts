import { S3Error } from '../errors.js'

/** Bytes from `start` to `end`, both inclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads a `Range` header against a size. Undefined where S3 sends the whole object: no header, another unit, more than
 * one range, or a range that does not parse. Throws InvalidRange where nothing of it is in the object.
 */
export function parseRange(value: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(value?.trim() ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Number(last)
    if (length === 0 || size === 0) throw unsatisfiable(value, size)
    return { start: Math.max(0, size - length), end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Number(last)
  if (last !== '' && end < start) return undefined
  if (start >= size) throw unsatisfiable(value, size)
  return { start, end: Math.min(end, size - 1) }
}

/** The `Content-Range` of an answer that carries `range` of `size` bytes. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`
}

/**
 * The bytes of `range` out of a stream that begins at `range.start`; leaves the stream where it has more, throws where it
 * ends before. The last bytes are kept back until the stream has ended or goes on: whoever has them all may leave at once,
 * and to leave a stream before its end is to reset a call.
 * Given the `size` of what the stream is of, a range up to its end fails before its last bytes if the stream goes on.
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
  if (left < 0 && range.end + 1 === size) throw new Error(`the stream goes on after ${size} bytes`)
  yield last
}

function unsatisfiable(value: string | undefined, size: number): S3Error {
  return new S3Error('InvalidRange', {
    fields: { RangeRequested: value ?? '', ActualObjectSize: String(size) },
    headers: { 'content-range': `bytes */${size}` },
  })
}
