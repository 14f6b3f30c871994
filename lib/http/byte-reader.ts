import { asBuffer } from '../encoding.js'
import type { ByteAccount } from './byte-budget.js'

/** Reads a stream of bytes by lines and lengths, whatever the pieces in which it comes. Nothing is copied but what is cut across two. */
export interface ByteReader {
  /** The bytes up to and with the next line feed; undefined where the body ends before, or none comes within `limit` bytes. */
  line(limit: number): Promise<Buffer | undefined>
  /** The next bytes, at least one and at most `limit`; undefined at the end. */
  some(limit: number): Promise<Uint8Array | undefined>
  /**
   * The next bytes before `delimiter`, at least one; none (length 0) where the delimiter comes next, which is taken;
   * undefined where the body ends without it.
   */
  before(delimiter: Buffer): Promise<Uint8Array | undefined>
  /** All that is left; undefined where that is more than `limit` bytes. */
  rest(limit: number): Promise<Buffer | undefined>
  /** Tells the source that no more will be read. */
  close(): Promise<void>
}

const lineFeed = 0x0a

/** Constructs a reader of a body. */
export function createByteReader(body: AsyncIterable<Uint8Array>): ByteReader {
  const source = body[Symbol.asyncIterator]()
  let current: Uint8Array = new Uint8Array()

  /** Whether there is anything in `current`, after waiting for it if need be. */
  async function fill(): Promise<boolean> {
    while (current.length === 0) {
      const next = await source.next()
      if (next.done) return false
      current = next.value
    }
    return true
  }

  function take(length: number): Uint8Array {
    const taken = current.subarray(0, length)
    current = current.subarray(taken.length)
    return taken
  }

  return {
    async line(limit) {
      const line = createByteCollector()
      while (await fill()) {
        const found = current.indexOf(lineFeed)
        const more = found < 0 ? current.length : found + 1
        if (line.length + more > limit) return undefined
        line.append(take(more))
        if (found >= 0) return line.bytes()
      }
      return undefined
    },
    async some(limit) {
      return (await fill()) ? take(limit) : undefined
    },
    async before(delimiter) {
      if (!(await fill())) return undefined
      for (;;) {
        const found = asBuffer(current).indexOf(delimiter)
        if (found === 0) {
          take(delimiter.length)
          return new Uint8Array()
        }
        const free = found > 0 ? found : current.length - beginningAtEnd(current, delimiter)
        if (free > 0) return take(free)
        const next = await source.next()
        if (next.done) return undefined
        current = Buffer.concat([current, next.value])
      }
    },
    async rest(limit) {
      const rest = createByteCollector()
      while (await fill()) {
        if (rest.length + current.length > limit) return undefined
        rest.append(take(current.length))
      }
      return rest.bytes()
    },
    async close() {
      await source.return?.()
    },
  }
}

/** How many bytes at the end of `bytes` may be the beginning of `delimiter`. */
function beginningAtEnd(bytes: Uint8Array, delimiter: Buffer): number {
  for (let length = Math.min(bytes.length, delimiter.length - 1); length > 0; length--) {
    if (delimiter.subarray(0, length).equals(bytes.subarray(bytes.length - length))) return length
  }
  return 0
}

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
