import { createSortedMap, deleteKey, getValue, isEmpty, type Owner, type SortedMap, setValue } from './sorted-map.js'

/** One source of a file. A readable file has one. */
export interface FileRecord {
  readonly datum: string
  readonly content: Content
}

/** What is stored at one path, by datum. Two records of one path make it unreadable, as in pachd. */
export type FileRecords = readonly FileRecord[]

/**
 * A directory of a commit's tree, shared by all commits in which it is the same. A file's name is its key, a
 * directory's has a `/` behind it, so the keys are in the byte order of the full paths.
 */
export interface Directory {
  readonly owner: Owner
  entries: SortedMap<Entry>
  /** Of all files below. */
  bytes: number
}

/** What a name in a directory stands for. */
export type Entry = Directory | FileRecords

/**
 * The key of a file that was written to `/` itself: pachd takes it, shows its datum on the root directory and does
 * not count its bytes.
 */
export const rootFileName = ''

/** A directory with nothing in it. */
export function createDirectory(): Directory {
  return { owner: {}, entries: createSortedMap(), bytes: 0 }
}

/** Tells a directory from a file. */
export function isDirectory(entry: Entry): entry is Directory {
  return !Array.isArray(entry)
}

/** Whether nothing is in it: such a directory is not shown. */
export function isEmptyDirectory(directory: Directory): boolean {
  return isEmpty(directory.entries)
}

/** The directory at `path`, an absolute path with a slash at its end. */
export function findDirectory(root: Directory, path: string): Directory | undefined {
  let directory = root
  for (let start = 1; start < path.length; ) {
    const end = path.indexOf('/', start) + 1
    const entry = getValue(directory.entries, path.slice(start, end))
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
  const file = entry && getValue(entry, path.slice(nameStart))
  return file && !isDirectory(file) ? file : undefined
}

/**
 * The tree with `entry` at `path`, or without what is there. The path of a directory ends in a slash; a directory
 * that has become empty is gone. What belongs to `owner` is changed in place.
 */
export function withEntry(root: Directory, path: string, entry: Entry | undefined, owner: Owner, start = 1): Directory {
  const end = path.indexOf('/', start) + 1
  const isLast = end === 0 || end === path.length
  const name = isLast ? path.slice(start) : path.slice(start, end)
  const before = getValue(root.entries, name)
  const bytesBefore = entryBytes(name, before)
  const after = isLast ? entry : withDirectoryEntry(before, path, entry, owner, end)
  if (!before && !after) return root
  const directory = root.owner === owner ? root : { ...root, owner }
  directory.entries = after
    ? setValue(directory.entries, name, after, owner)
    : deleteKey(directory.entries, name, owner)
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
  const directory = before && isDirectory(before) ? before : { ...createDirectory(), owner }
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
