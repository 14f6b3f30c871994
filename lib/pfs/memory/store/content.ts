/** The bytes of a file as they came, never copied together. */
export interface Content {
  readonly pieces: readonly Uint8Array[]
  /** In bytes. */
  readonly size: number
  /** Filled in when it is first asked for. */
  hash?: Uint8Array
}

const maxChunkBytes = 1024 * 1024
const tinyBytes = 64

/** What is kept of `raw`: itself, or a copy where it is a small part of a larger buffer that it would keep alive. */
export function keepPiece(raw: Uint8Array): Uint8Array {
  // So few bytes are held without a buffer of their own, which asking for `buffer` would make.
  if (raw.byteLength <= tinyBytes) return new Uint8Array(raw)
  return raw.byteLength * 2 < raw.buffer.byteLength && raw.byteLength < maxChunkBytes ? new Uint8Array(raw) : raw
}

/** The bytes of `first`, then those of `second`. */
export function joinContent(first: Content, second: Content): Content {
  if (second.size === 0) return first
  if (first.size === 0) return second
  return { pieces: [...first.pieces, ...second.pieces], size: first.size + second.size }
}

/** The bytes from `offset` on, in views of at most 1 MiB; nothing where `offset` is at the end or past it. */
export function* contentChunks(content: Content, offset: number): Generator<Uint8Array> {
  let skip = Math.max(0, offset)
  for (const piece of content.pieces) {
    for (let start = skip; start < piece.byteLength; start += maxChunkBytes) {
      yield piece.subarray(start, start + maxChunkBytes)
    }
    skip = Math.max(0, skip - piece.byteLength)
  }
}
