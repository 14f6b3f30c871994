import { createHash } from 'node:crypto'
import { chunkedHashBytes, loadBlake2b } from '../../file-hash.js'
import type { Content } from './content.js'
import { type Directory, type Entry, type FileRecords, isDirectory } from './directory.js'
import type { SortedMap } from './sorted-map.js'

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

  function entryHash(entry: Entry): Uint8Array {
    return isDirectory(entry) ? directoryHash(entry) : recordsHash(entry)
  }

  function recordsHash(records: FileRecords): Uint8Array {
    const [only, ...others] = records
    if (only && others.length === 0) return fileHash(only.content)
    return blake2b(records.map((record) => fileHash(record.content)))
  }

  function directoryHash(directory: Directory): Uint8Array {
    return blake2b([entriesHash(directory.entries)])
  }

  /** The hashes of all entries, joined so that the order does not matter: how the nodes are cut shows nowhere. */
  function entriesHash(node: SortedMap<Entry>): Uint8Array {
    const known = knownHashes.get(node)
    if (known) return known
    const hash = new Uint8Array(hashBytes)
    const parts =
      node.kind === 'branch'
        ? node.children.map(entriesHash)
        : node.values.map((entry, i) => blake2b([Buffer.from(node.keys[i] ?? ''), entryHash(entry)]))
    for (const part of parts) for (const [i, byte] of part.entries()) hash[i] = (hash[i] ?? 0) ^ byte
    knownHashes.set(node, hash)
    return hash
  }

  return { fileHash, directoryHash }
}

/** Not pachd's hash, whose chunk borders depend on the content, but like it not to be foretold by the small rule. */
function largeFileHash(content: Content): Uint8Array {
  const hash = createHash('blake2b512')
  for (const piece of content.pieces) hash.update(piece)
  return hash.digest().subarray(0, hashBytes)
}
