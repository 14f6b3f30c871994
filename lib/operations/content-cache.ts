import { LRUCache } from 'lru-cache'
import { cacheLookup } from '../diagnostics.js'
import { asBuffer } from '../encoding.js'

/** The bytes of small files by their PFS hash, for those who may read them. */
export interface ContentCache {
  /** What a caller with this token has been given before; ask only for a hash that PFS has just shown this caller. */
  get(hash: Uint8Array, authToken: string | undefined): Uint8Array | undefined
  /** Keeps a file's bytes unless they are too large a part of the whole. */
  set(hash: Uint8Array, authToken: string | undefined, content: Uint8Array): void
}

/** What one more file takes beside its bytes: its hash, its reader's token and their places in memory. */
const overheadBytes = 600

/** Part of the whole that one file may take. */
const largestShare = 1 / 16

/** A cache of at most `totalBytes`; what was asked for longest ago goes first. */
export function createContentCache(totalBytes: number): ContentCache {
  const contents = new LRUCache<string, Uint8Array>({
    // LRUCache takes no size of 0; no content fits into 1.
    maxSize: Math.max(1, totalBytes),
    sizeCalculation: (content) => content.length + overheadBytes,
  })

  const nameOf = (hash: Uint8Array, authToken: string | undefined): string =>
    asBuffer(hash).toString('latin1') + (authToken ?? '')

  return {
    get: (hash, authToken) => {
      const content = contents.get(nameOf(hash, authToken))
      cacheLookup.publish({ cache: 'contents', isHit: content !== undefined })
      return content
    },
    set: (hash, authToken, content) => {
      if (content.length <= totalBytes * largestShare) contents.set(nameOf(hash, authToken), content)
    },
  }
}
