import type { FileInfo, PathRange } from '../client.js'
import { PfsError } from '../errors.js'
import { prefixEnd } from '../path.js'
import { infoFromDirectory, infoFromFile } from './file-info.js'
import type { OpenedCommit } from './opened-commit.js'
import { cleanPath } from './paths.js'
import type { ContentHash } from './store/hash.js'
import type { Violation } from './store/violations.js'
import type { TreeEntry } from './store/walk.js'

/** The paths that a call reads. */
export interface ReadRange {
  /** Inclusive. */
  readonly lower: string
  /** Exclusive; '' is the end. */
  readonly upper: string
  readonly reverse: boolean
}

/** What pachd reads of a commit for a path: all paths that begin with it. */
export function rangeOf(path: string): ReadRange {
  const clean = cleanPath(path)
  return { lower: clean, upper: prefixEnd(clean), reverse: false }
}

/** The part of a range that lies within other bounds too. */
export function narrowRange(range: ReadRange, { lower, upper }: PathRange): ReadRange {
  const isLater = lower > range.lower
  const isEarlier = upper !== '' && (range.upper === '' || upper < range.upper)
  return { ...range, ...(isLater && { lower }), ...(isEarlier && { upper }) }
}

/** Throws what pachd says when it meets the first unreadable pair that lies within a range. */
export function refuseUnreadable(opened: OpenedCommit, range: ReadRange): void {
  const violation = firstViolation(opened, range)
  if (violation) throw unreadable(violation)
}

/**
 * The entries as pachd sends them: up to the first unreadable pair, which ends them with an error. A directory is read
 * to its end, even beyond the range, before it is sent.
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

/** Whether an entry is reached only behind the pair; of two records at one path the first is. */
export function meets(entry: TreeEntry, { first, second }: Violation): boolean {
  if ('directory' in entry) return second < prefixEnd(entry.path)
  return second < entry.path || (second === entry.path && first !== second)
}

/** The first pair of which the first path lies in a range: pachd sees it when it reads on to the next. */
export function firstViolation(opened: OpenedCommit, { lower, upper }: ReadRange): Violation | undefined {
  return opened.snapshot.violations.find(({ first }) => first >= lower && (upper === '' || first < upper))
}

/** What pachd says about a pair that it cannot read. */
export function unreadable(violation: Violation): PfsError {
  return new PfsError('UNKNOWN', violation.message)
}
