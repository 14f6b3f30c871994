import { createHash } from 'node:crypto'
import { chunkedHashBytes, loadBlake2b } from '../../../pfs/file-hash.js'
import { type Content, type Directory, type Entries, type Entry, isDirectory } from './directory.js'

/** Computes the 32-byte hashes of a tree: same content, same hash. */
export interface ContentHash {
  fileHash(content: Content): Uint8Array
  /** Cached per node, so the directory must not be modified afterwards. */
  directoryHash(directory: Directory): Uint8Array
}

const hashBytes = 32

let loaded: Promise<ContentHash> | undefined

/** Loads the hash functions, which are WebAssembly. */
export function loadContentHash(): Promise<ContentHash> {
  loaded ??= createContentHash()
  return loaded
}

async function createContentHash(): Promise<ContentHash> {
  const blake2b = await loadBlake2b()
  const knownHashes = new WeakMap<Entries, Uint8Array>()

  function fileHash(content: Content): Uint8Array {
    if (!content.hash) {
      const once = () => blake2b(content.pieces)
      if (content.size === 0) content.hash = once()
      else if (content.size < chunkedHashBytes) content.hash = blake2b([once()])
      else content.hash = largeFileHash(content)
    }
    return content.hash
  }

  /** As in pachd: hashes the hashes of the entries in order, without their names. */
  function directoryHash({ entries }: Directory): Uint8Array {
    const known = knownHashes.get(entries)
    if (known) return known
    const hash = blake2b([...entries.values()].flatMap(entryHashes))
    knownHashes.set(entries, hash)
    return hash
  }

  function entryHashes(entry: Entry): Uint8Array[] {
    return isDirectory(entry) ? [directoryHash(entry)] : entry.map(({ content }) => fileHash(content))
  }

  return { fileHash, directoryHash }
}

/** Not pachd's hash, whose chunk boundaries depend on the content; like it, differs from the hash of a small file. */
function largeFileHash(content: Content): Uint8Array {
  const hash = createHash('blake2b512')
  for (const piece of content.pieces) hash.update(piece)
  return hash.digest().subarray(0, hashBytes)
}
