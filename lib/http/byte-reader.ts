import { asBuffer } from '../encoding.js'
import type { ByteAccount } from './byte-budget.js'

/** Reads a byte stream by lines and lengths, independent of its chunks. Copies only what spans two chunks. */
export interface ByteReader {
  /** The bytes up to and including the next line feed; undefined if the body ends first, or none is within `limit` bytes. */
  line(limit: number): Promise<Buffer | undefined>
  /** The next bytes, at least one and at most `limit`; undefined at the end. */
  some(limit: number): Promise<Uint8Array | undefined>
  /**
   * The next bytes before `delimiter`, at least one. Consumes the delimiter and returns an empty array if it comes next;
   * returns undefined if the body ends first.
   */
  before(delimiter: Buffer): Promise<Uint8Array | undefined>
  /** All remaining bytes; undefined if there are more than `limit`. */
  rest(limit: number): Promise<Buffer | undefined>
  /** Stops reading and closes the source. */
  close(): Promise<void>
}

const lineFeed = 0x0a

/** Creates a reader of a body. */
export function createByteReader(body: AsyncIterable<Uint8Array>): ByteReader {
  const source = body[Symbol.asyncIterator]()
  let current: Uint8Array = new Uint8Array()

  /** Whether `current` has bytes, after waiting for the next chunk if necessary. */
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
      const line = new ByteCollector()
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
      const rest = new ByteCollector()
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

/** How many bytes at the end of `bytes` may be the start of `delimiter`. */
function beginningAtEnd(bytes: Uint8Array, delimiter: Buffer): number {
  for (let length = Math.min(bytes.length, delimiter.length - 1); length > 0; length--) {
    if (delimiter.subarray(0, length).equals(bytes.subarray(bytes.length - length))) return length
  }
  return 0
}

/** Smallest buffer for joined chunks, in bytes. */
const leastCapacity = 256

const noBytes = new Uint8Array()

/**
 * Joins chunks of bytes, at most `maxLength` of them. Keeps a single chunk as it is and copies further ones into one
 * buffer, which doubles when it is full: chunks of one byte must not cost an object each.
 *
 * A class, since V8 makes a hidden class for each object literal with a getter, which only a full garbage collection frees.
 */
export class ByteCollector {
  readonly #maxLength: number
  #buffer: Uint8Array = noBytes
  #isOwn = false
  #length = 0

  constructor(maxLength: number = Number.POSITIVE_INFINITY) {
    this.#maxLength = maxLength
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  /** @throws RangeError beyond `maxLength` bytes. */
  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length
    if (needed > this.#maxLength) throw new RangeError(`more than ${this.#maxLength} bytes`)
    if (this.#length === 0) {
      this.#buffer = bytes
      this.#isOwn = false
    } else if (bytes.length > 0) {
      if (!this.#isOwn || needed > this.#buffer.length) this.#grow(needed)
      this.#buffer.set(bytes, this.#length)
    }
    this.#length = needed
  }

  /** All bytes so far, as a view: later chunks may be appended behind it. */
  bytes(): Buffer {
    return asBuffer(this.#buffer.subarray(0, this.#length))
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxLength, Math.max(2 * this.#length, needed, leastCapacity)))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
    this.#isOwn = true
  }
}

/**
 * Reads a stream of at most `maxLength` bytes into one buffer, counted by `memory`.
 *
 * @throws RangeError if the stream is longer.
 */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  maxLength: number,
  memory?: ByteAccount,
): Promise<Buffer> {
  const whole = new ByteCollector(maxLength)
  for await (const piece of stream) {
    memory?.hold(piece.length)
    whole.append(piece)
  }
  return whole.bytes()
}
