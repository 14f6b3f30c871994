import type { Content } from './content.js'
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
