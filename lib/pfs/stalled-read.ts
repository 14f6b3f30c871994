import type { CallOptions, File, PfsClient } from './client.js'
import { readFile } from './path.js'

/** Maximum bytes to pass on at a time, in memory of at most twice that: views would keep messages or buffers of 64 KiB alive. */
const sliceBytes = 32 * 1024

/** Longest time that a reader may keep a slice before the call and the rest of its message are dropped, in ms. */
const defaultStallMilliseconds = 10_000

/**
 * The bytes of a file from `offset` on. Holds at most one slice for a reader that stalls, and calls PFS again when the
 * reader continues.
 *
 * @throws PfsError as `readFile` does
 */
export async function* readForSlowReader(
  pfs: PfsClient,
  file: File,
  { offset, stallMilliseconds = defaultStallMilliseconds }: { offset: number; stallMilliseconds?: number },
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  const reader = new SlicedReader((position) => readFile(pfs, file, { offset: position }, options), offset)
  try {
    for (let slice = await reader.next(); slice !== undefined; slice = await reader.next()) {
      const timer = setTimeout(() => void reader.close(), stallMilliseconds)
      try {
        yield slice
      } finally {
        clearTimeout(timer)
      }
    }
  } finally {
    await reader.close()
  }
}

/** Cuts messages into slices. A class: V8 keeps values in the registers of a suspended generator after their last use. */
class SlicedReader {
  readonly #read: (position: number) => AsyncIterable<Uint8Array>
  #position: number
  #messages: AsyncIterator<Uint8Array> | undefined
  /** The rest of the last message. */
  #rest: Uint8Array = new Uint8Array()

  constructor(read: (position: number) => AsyncIterable<Uint8Array>, position: number) {
    this.#read = read
    this.#position = position
  }

  /** The next slice, or undefined at the end of the file. */
  async next(): Promise<Uint8Array | undefined> {
    this.#messages ??= this.#read(this.#position)[Symbol.asyncIterator]()
    while (this.#rest.length === 0) {
      const { done, value } = await this.#messages.next()
      if (done === true) return undefined
      this.#rest = value
    }
    const view = this.#rest.subarray(0, sliceBytes)
    const slice = view.buffer.byteLength <= 2 * view.length ? view : new Uint8Array(view)
    this.#rest = this.#rest.subarray(slice.length)
    this.#position += slice.length
    return slice
  }

  /** Ends the call; the next slice would start another one. */
  async close(): Promise<void> {
    const messages = this.#messages
    this.#messages = undefined
    this.#rest = new Uint8Array()
    await messages?.return?.()
  }
}
