/** The bytes of small files by their PFS hash, for those who may read them. */
export interface ContentCache {
  /** What a caller with this token has been given before; ask only for a hash that PFS has just shown this caller. */
  get(hash: Uint8Array, authToken: string | undefined): Uint8Array | undefined
  /** Keeps a file's bytes unless they are too large a part of the whole. */
  set(hash: Uint8Array, authToken: string | undefined, content: Uint8Array): void
}

/** Part of the whole that one file may take. */
const largestShare = 1 / 16

/** A cache of at most `totalBytes`; what was asked for longest ago goes first. */
export function createContentCache(totalBytes: number): ContentCache {
  const contents = new Map<string, Uint8Array>()
  let bytes = 0

  const keyOf = (hash: Uint8Array, authToken: string | undefined): string =>
    Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1') + (authToken ?? '')

  function remove(key: string, content: Uint8Array): void {
    contents.delete(key)
    bytes -= content.length
  }

  return {
    get: (hash, authToken) => {
      const key = keyOf(hash, authToken)
      const content = contents.get(key)
      if (content === undefined) return undefined
      // A Map keeps the order of insertion, so the last one used goes to its end.
      contents.delete(key)
      contents.set(key, content)
      return content
    },
    set: (hash, authToken, content) => {
      if (content.length > totalBytes * largestShare) return
      const key = keyOf(hash, authToken)
      const known = contents.get(key)
      if (known !== undefined) remove(key, known)
      contents.set(key, content)
      bytes += content.length
      for (const [oldest, old] of contents) {
        if (bytes <= totalBytes) return
        remove(oldest, old)
      }
    },
  }
}
