import { LRUCache } from 'lru-cache'
import { noteLookup } from '../diagnostics.js'
import { asBuffer } from '../encoding.js'

/** Cache of the content of small objects, by PFS hash and caller. */
export interface ContentCache {
  /** Whether the cache is large enough for reading ahead. */
  readonly keepsSmallFiles: boolean
  /** The content, if this caller has read it before; call it only for a hash that PFS has just returned to this caller. */
  get(hash: Uint8Array, authToken: string | undefined): Uint8Array | undefined
  /** Stores a content unless it is too large for the cache. */
  set(hash: Uint8Array, authToken: string | undefined, content: Uint8Array): void
}

/** Memory of an entry in addition to its content, in bytes. */
const overheadBytes = 600

/** Maximum share of the cache for one content. */
const largestShare = 1 / 16

/** Minimum size of a cache for reading ahead, in bytes. */
const leastBytesToReadAhead = 16 * 1024 * 1024

/** LRU cache of at most `totalBytes`. */
export function createContentCache(totalBytes: number): ContentCache {
  const contents = new LRUCache<string, Uint8Array>({
    // LRUCache accepts no size of 0; no content fits into 1.
    maxSize: Math.max(1, totalBytes),
    sizeCalculation: (content) => content.length + overheadBytes,
  })

  const nameOf = (hash: Uint8Array, authToken: string | undefined): string =>
    asBuffer(hash).toString('latin1') + (authToken ?? '')

  return {
    keepsSmallFiles: totalBytes >= leastBytesToReadAhead,
    get: (hash, authToken) => noteLookup('contents', contents.get(nameOf(hash, authToken))),
    set: (hash, authToken, content) => {
      if (content.length <= totalBytes * largestShare) contents.set(nameOf(hash, authToken), new Uint8Array(content))
    },
  }
}
