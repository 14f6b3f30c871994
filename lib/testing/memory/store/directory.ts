import type btree from 'sorted-btree'
import { EmptyBTree } from 'sorted-btree'

/** One source of a file. A readable file has exactly one. */
export interface FileRecord {
  readonly datum: string
  readonly content: Content
}

/** The records at one path, by datum. Two records make the path unreadable, as in pachd. */
export type FileRecords = readonly FileRecord[]

/** Identifies the batch of writes that may modify a directory in place. */
export type Owner = object

/** The content of a directory by name, sorted; a clone shares every node that is not modified. */
export type Entries = btree.default<string, Entry>

/**
 * A directory of a tree, shared by all commits in which it is the same. The key of a file is its name; that of a directory
 * ends with a `/`, so that keys are in the byte order of full paths.
 */
export interface Directory {
  readonly owner: Owner
  readonly entries: Entries
  /** Total size of all files below. */
  bytes: number
}

/** The value of a name in a directory. */
export type Entry = Directory | FileRecords

/**
 * The key of a file that was written to `/` itself: pachd accepts it, shows its datum on the root directory, and does not
 * count its bytes.
 */
export const rootFileName = ''

/** Creates an empty directory. */
export function createDirectory(owner: Owner = {}): Directory {
  return { owner, entries: EmptyBTree.clone(), bytes: 0 }
}

/** Whether an entry is a directory. */
export function isDirectory(entry: Entry): entry is Directory {
  return !Array.isArray(entry)
}

/** Whether a directory is empty; empty directories are not listed. */
export function isEmptyDirectory(directory: Directory): boolean {
  return directory.entries.isEmpty
}

/** The directory at `path`, an absolute path with a trailing slash. */
export function findDirectory(root: Directory, path: string): Directory | undefined {
  let directory = root
  for (let start = 1; start < path.length; ) {
    const end = path.indexOf('/', start) + 1
    const entry = directory.entries.get(path.slice(start, end))
    if (!entry || !isDirectory(entry)) return undefined
    directory = entry
    start = end
  }
  return directory
}

/** The records of the file at `path`, an absolute path. */
export function findFile(root: Directory, path: string): FileRecords | undefined {
  const nameStart = path.lastIndexOf('/') + 1
  const entry = findDirectory(root, path.slice(0, nameStart))?.entries
  const file = entry?.get(path.slice(nameStart))
  return file && !isDirectory(file) ? file : undefined
}

/**
 * The tree with `entry` at `path`, or without the entry there if undefined. The path of a directory ends with a slash.
 * Removes directories that become empty. Modifies nodes of `owner` in place.
 */
export function withEntry(root: Directory, path: string, entry: Entry | undefined, owner: Owner, start = 1): Directory {
  const end = path.indexOf('/', start) + 1
  const isLast = end === 0 || end === path.length
  const name = isLast ? path.slice(start) : path.slice(start, end)
  const before = root.entries.get(name)
  const bytesBefore = entryBytes(name, before)
  const after = isLast ? entry : withDirectoryEntry(before, path, entry, owner, end)
  if (!before && !after) return root
  const directory = root.owner === owner ? root : { ...root, owner, entries: root.entries.clone() }
  if (after) directory.entries.set(name, after)
  else directory.entries.delete(name)
  directory.bytes += entryBytes(name, after) - bytesBefore
  return directory
}

function withDirectoryEntry(
  before: Entry | undefined,
  path: string,
  entry: Entry | undefined,
  owner: Owner,
  start: number,
): Directory | undefined {
  const directory = before && isDirectory(before) ? before : createDirectory(owner)
  const after = withEntry(directory, path, entry, owner, start)
  return isEmptyDirectory(after) ? undefined : after
}

function entryBytes(name: string, entry: Entry | undefined): number {
  if (!entry || name === rootFileName) return 0
  if (isDirectory(entry)) return entry.bytes
  let bytes = 0
  for (const record of entry) bytes += record.content.size
  return bytes
}

/** The bytes of a file in their original chunks. */
export interface Content {
  readonly pieces: readonly Uint8Array[]
  /** In bytes. */
  readonly size: number
  /** Computed on first access. */
  hash?: Uint8Array
}

const maxChunkBytes = 1024 * 1024
const tinyBytes = 64

/** Keeps `raw` itself, or a copy if it is a small part of a larger buffer that it would keep in memory. */
export function keepPiece(raw: Uint8Array): Uint8Array {
  // V8 stores such small arrays inline; reading `buffer` would allocate a buffer.
  if (raw.byteLength <= tinyBytes) return new Uint8Array(raw)
  return raw.byteLength * 2 < raw.buffer.byteLength && raw.byteLength < maxChunkBytes ? new Uint8Array(raw) : raw
}

/** Concatenates two contents. */
export function joinContent(first: Content, second: Content): Content {
  if (second.size === 0) return first
  if (first.size === 0) return second
  return { pieces: [...first.pieces, ...second.pieces], size: first.size + second.size }
}

/** The bytes from `offset` on, in views of at most 1 MiB; empty if `offset` is not before the end. */
export function* contentChunks(content: Content, offset: number): Generator<Uint8Array> {
  let skip = Math.max(0, offset)
  for (const piece of content.pieces) {
    for (let start = skip; start < piece.byteLength; start += maxChunkBytes) {
      yield piece.subarray(start, start + maxChunkBytes)
    }
    skip = Math.max(0, skip - piece.byteLength)
  }
}
