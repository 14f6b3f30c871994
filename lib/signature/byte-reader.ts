/** Reads a stream of bytes by lines and lengths, whatever the pieces in which it comes. Nothing is copied but what is cut across two. */
export interface ByteReader {
  /** The bytes up to and with the next line feed; undefined where the body ends before, or none comes within `limit` bytes. */
  line(limit: number): Promise<Buffer | undefined>
  /** The next bytes, at least one and at most `limit`; undefined at the end. */
  some(limit: number): Promise<Uint8Array | undefined>
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
      const pieces: Uint8Array[] = []
      let length = 0
      while (await fill()) {
        const found = current.indexOf(lineFeed)
        const piece = take(found < 0 ? current.length : found + 1)
        length += piece.length
        if (length > limit) return undefined
        pieces.push(piece)
        if (found >= 0) return Buffer.concat(pieces)
      }
      return undefined
    },
    async some(limit) {
      return (await fill()) ? take(limit) : undefined
    },
    async rest(limit) {
      const pieces: Uint8Array[] = []
      let length = 0
      while (await fill()) {
        length += current.length
        if (length > limit) return undefined
        pieces.push(take(current.length))
      }
      return Buffer.concat(pieces)
    },
    async close() {
      await source.return?.()
    },
  }
}
