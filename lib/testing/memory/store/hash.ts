import { createHash } from 'node:crypto'
import { chunkedHashBytes, loadBlake2b } from '../../../pfs/file-hash.js'
import { type Content, type Directory, type Entry, isDirectory } from './directory.js'
import { entriesFrom, type SortedMap } from './sorted-map.js'

/** Gives the 32 bytes hash of what a commit's tree holds: equal content, equal hash. */
export interface ContentHash {
  fileHash(content: Content): Uint8Array
  /** Kept by node, so a directory must not be written by its owner any more. */
  directoryHash(directory: Directory): Uint8Array
}

const hashBytes = 32

let loaded: Promise<ContentHash> | undefined

/** The hash functions, once their WebAssembly is there. */
export function loadContentHash(): Promise<ContentHash> {
  loaded ??= createContentHash()
  return loaded
}

async function createContentHash(): Promise<ContentHash> {
  const blake2b = await loadBlake2b()
  const knownHashes = new WeakMap<SortedMap<Entry>, Uint8Array>()

  function fileHash(content: Content): Uint8Array {
    if (!content.hash) {
      const once = () => blake2b(content.pieces)
      if (content.size === 0) content.hash = once()
      else if (content.size < chunkedHashBytes) content.hash = blake2b([once()])
      else content.hash = largeFileHash(content)
    }
    return content.hash
  }

  /** pachd's: over the hashes of what is in it, in order, without the names. */
  function directoryHash({ entries }: Directory): Uint8Array {
    const known = knownHashes.get(entries)
    if (known) return known
    const hash = blake2b([...entriesFrom(entries)].flatMap(([, entry]) => entryHashes(entry)))
    knownHashes.set(entries, hash)
    return hash
  }

  function entryHashes(entry: Entry): Uint8Array[] {
    return isDirectory(entry) ? [directoryHash(entry)] : entry.map(({ content }) => fileHash(content))
  }

  return { fileHash, directoryHash }
}

/** Not pachd's hash, whose chunk borders depend on the content, but like it not to be foretold by the small rule. */
function largeFileHash(content: Content): Uint8Array {
  const hash = createHash('blake2b512')
  for (const piece of content.pieces) hash.update(piece)
  return hash.digest().subarray(0, hashBytes)
}
