import { asBuffer } from '../bytes.js'
import type { ByteAccount } from './byte-budget.js'

/** Joins bytes that come in pieces. */
export interface ByteCollector {
  /** Bytes so far. */
  readonly length: number
  append(bytes: Uint8Array): void
  /** All bytes so far, in memory that later pieces may be written behind. */
  bytes(): Buffer
}

/** Smallest buffer that pieces are copied into, in bytes. */
const leastCapacity = 256

/**
 * A collector of at most `maxLength` bytes. It keeps a single piece as it is and copies more into one buffer, which
 * doubles when it is full: pieces of one byte leave no objects of their own in memory.
 *
 * @throws RangeError from `append` beyond `maxLength`.
 */
export function createByteCollector(maxLength: number = Number.POSITIVE_INFINITY): ByteCollector {
  let buffer: Uint8Array = new Uint8Array()
  let isOwn = false
  let length = 0

  return {
    get length() {
      return length
    },
    append(bytes) {
      const needed = length + bytes.length
      if (needed > maxLength) throw new RangeError(`more than ${maxLength} bytes`)
      if (length === 0) {
        buffer = bytes
        isOwn = false
      } else if (bytes.length > 0) {
        if (!isOwn || needed > buffer.length) {
          const capacity = Math.min(maxLength, Math.max(2 * length, needed, leastCapacity))
          const grown = Buffer.allocUnsafeSlow(capacity)
          grown.set(buffer.subarray(0, length))
          buffer = grown
          isOwn = true
        }
        buffer.set(bytes, length)
      }
      length = needed
    },
    bytes: () => asBuffer(buffer.subarray(0, length)),
  }
}

/**
 * The whole of a stream of at most `maxLength` bytes; `memory` counts them as they come.
 *
 * @throws RangeError for a longer stream.
 */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  maxLength: number,
  memory?: ByteAccount,
): Promise<Buffer> {
  const whole = createByteCollector(maxLength)
  for await (const piece of stream) {
    memory?.hold(piece.length)
    whole.append(piece)
  }
  return whole.bytes()
}
