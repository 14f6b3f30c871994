import type { FileInfo, PathRange } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { prefixEnd } from '../../pfs/path.js'
import type { OpenedCommit } from './opened-commit.js'
import { cleanPath } from './paths.js'
import { type Directory, type FileRecord, isDirectory, rootFileName } from './store/directory.js'
import type { ContentHash } from './store/hash.js'
import type { Violation } from './store/violations.js'
import type { TreeEntry } from './store/walk.js'

/** A range of paths to read. */
export interface ReadRange {
  /** Inclusive. */
  readonly lower: string
  /** Exclusive; '' is the end. */
  readonly upper: string
  readonly reverse: boolean
}

/** The range that pachd reads for a path: all paths that start with it. */
export function rangeOf(path: string): ReadRange {
  const clean = cleanPath(path)
  return { lower: clean, upper: prefixEnd(clean), reverse: false }
}

/** The intersection of two ranges. */
export function narrowRange(range: ReadRange, { lower, upper }: PathRange): ReadRange {
  const isLater = lower > range.lower
  const isEarlier = upper !== '' && (range.upper === '' || upper < range.upper)
  return { ...range, ...(isLater && { lower }), ...(isEarlier && { upper }) }
}

/** Throws pachd's error for the first unreadable pair within a range. */
export function refuseUnreadable(opened: OpenedCommit, range: ReadRange): void {
  const violation = firstViolation(opened, range)
  if (violation) throw unreadable(violation)
}

/**
 * The entries as pachd sends them: up to the first unreadable pair, which ends them with an error. pachd reads a directory
 * to its end, even beyond the range, before it sends it.
 */
export function* readEntries(
  opened: OpenedCommit,
  entries: Iterable<TreeEntry>,
  range: ReadRange,
  hashes: ContentHash,
): Generator<FileInfo> {
  if (range.reverse) refuseUnreadable(opened, range)
  const violation = firstViolation(opened, range)
  const violationOfDirectories = firstViolation(opened, { ...range, upper: '' })
  for (const entry of entries) {
    const met = 'directory' in entry ? violationOfDirectories : violation
    if (met && meets(entry, met)) throw unreadable(met)
    if ('directory' in entry) yield infoFromDirectory(opened, entry.path, entry.directory, hashes)
    else if (entry.records[0]) yield infoFromFile(opened, entry.path, entry.records[0], hashes)
    if (violation?.second === entry.path) throw unreadable(violation)
  }
  if (violation) throw unreadable(violation)
}

/** Whether an entry comes after the pair; two records at the same path count as one entry. */
export function meets(entry: TreeEntry, { first, second }: Violation): boolean {
  if ('directory' in entry) return second < prefixEnd(entry.path)
  return second < entry.path || (second === entry.path && first !== second)
}

/** The first pair whose first path is in a range: pachd detects it when it reads the next path. */
export function firstViolation(opened: OpenedCommit, { lower, upper }: ReadRange): Violation | undefined {
  return opened.snapshot.violations.find(({ first }) => first >= lower && (upper === '' || first < upper))
}

/** pachd's error for an unreadable pair. */
export function unreadable(violation: Violation): PfsError {
  return new PfsError('UNKNOWN', violation.message)
}

/** The FileInfo of a file; its hash is computed on access. */
export function infoFromFile(opened: OpenedCommit, path: string, record: FileRecord, hashes: ContentHash): FileInfo {
  const { datum, content } = record
  return {
    file: { commit: opened.commit, path, datum },
    fileType: 'FILE',
    ...(opened.committed && { committed: opened.committed }),
    sizeBytes: content.size,
    get hash() {
      return hashes.fileHash(content)
    },
  }
}

/** The FileInfo of a directory; its hash is computed on access. */
export function infoFromDirectory(
  opened: OpenedCommit,
  path: string,
  directory: Directory,
  hashes: ContentHash,
): FileInfo {
  const datum = path === '/' ? rootDatum(directory) : undefined
  return {
    file: { commit: opened.commit, path, ...(datum && { datum }) },
    fileType: 'DIR',
    ...(opened.committed && { committed: opened.committed }),
    sizeBytes: directory.bytes,
    get hash() {
      return hashes.directoryHash(directory)
    },
  }
}

function rootDatum(root: Directory): string | undefined {
  const entry = root.entries.get(rootFileName)
  return entry && !isDirectory(entry) ? entry[0]?.datum : undefined
}
