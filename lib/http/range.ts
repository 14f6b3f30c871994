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
 * The bytes of `range` out of a stream that begins at `range.start`; leaves the stream once it has them, throws where it
 * ends before.
 */
export async function* cutTo(range: ByteRange, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = range.end - range.start + 1
  for await (const chunk of stream) {
    if (chunk.length >= left) {
      yield chunk.length === left ? chunk : chunk.subarray(0, left)
      return
    }
    left -= chunk.length
    yield chunk
  }
  throw new Error(`the stream ended ${left} bytes early`)
}

function unsatisfiable(value: string | undefined, size: number): S3Error {
  return new S3Error('InvalidRange', {
    fields: { RangeRequested: value ?? '', ActualObjectSize: String(size) },
    headers: { 'content-range': `bytes */${size}` },
  })
}
