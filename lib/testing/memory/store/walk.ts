import {
  createDirectory,
  type Directory,
  type Entry,
  type FileRecords,
  isDirectory,
  rootFileName,
} from './directory.js'

/** An entry of a tree with its absolute path; that of a directory ends with a slash. */
export type TreeEntry =
  | { readonly path: string; readonly directory: Directory }
  | { readonly path: string; readonly records: FileRecords }

/** The part of a tree to walk, and the direction. */
interface WalkBounds {
  /** Inclusive; '' is the start. */
  readonly lower: string
  /** Exclusive; '' is the end. */
  readonly upper: string
  readonly reverse: boolean
  /** How many levels below the directory to walk. */
  readonly depth: number
}

/** Everything below the directory. */
export const wholeTree: WalkBounds = { lower: '', upper: '', reverse: false, depth: Number.POSITIVE_INFINITY }

/**
 * The entries below a directory in byte order of their paths, each directory before its content; in reverse, the exact
 * opposite. Entries outside the bounds are skipped at no cost.
 */
export function* walkBelow(directory: Directory, path: string, bounds: WalkBounds): Generator<TreeEntry> {
  if (bounds.depth === 0) return
  const { lower, upper, reverse } = bounds
  const below = { ...bounds, depth: bounds.depth - 1 }
  for (const [name, entry] of reverse ? childrenBefore(directory, path, upper) : childrenFrom(directory, path, lower)) {
    if (name === rootFileName) continue
    const childPath = path + name
    if (upper !== '' && childPath >= upper) break
    const isInside = childPath >= lower
    if (!isDirectory(entry)) {
      if (isInside) yield { path: childPath, records: entry }
      else if (reverse) break
      continue
    }
    if (!isInside && !lower.startsWith(childPath)) {
      if (reverse) break
      continue
    }
    if (isInside && !reverse) yield { path: childPath, directory: entry }
    yield* walkBelow(entry, childPath, below)
    if (isInside && reverse) yield { path: childPath, directory: entry }
  }
}

function childrenFrom(directory: Directory, path: string, lower: string) {
  if (!lower.startsWith(path)) return lower > path ? [] : directory.entries.entries()
  const rest = lower.slice(path.length)
  // The directory that contains the bound comes before the bound itself.
  return directory.entries.entries(rest.slice(0, rest.indexOf('/') + 1) || rest)
}

function childrenBefore(directory: Directory, path: string, upper: string) {
  if (upper === '') return directory.entries.entriesReversed()
  if (upper.startsWith(path)) return directory.entries.entriesReversed(upper.slice(path.length), undefined, true)
  return upper < path ? [] : directory.entries.entriesReversed()
}

/** The entries at one path in two trees. */
interface TreeDifference {
  readonly path: string
  readonly before?: TreeEntry
  readonly after?: TreeEntry
}

/**
 * The paths below a directory at which two trees differ, in byte order; a directory comes before its content. Shared
 * subtrees are skipped.
 */
export function* differences(before: Directory, after: Directory, path: string): Generator<TreeDifference> {
  if (before === after) return
  for (const [name, old, young] of differingEntries(before, after)) {
    if (name === rootFileName) continue
    const child = path + name
    yield {
      path: child,
      ...(old && { before: treeEntry(child, old) }),
      ...(young && { after: treeEntry(child, young) }),
    }
    if (name.endsWith('/')) yield* differences(directoryOf(old), directoryOf(young), child)
  }
}

/** The names whose entries in two directories are not the same object, in order. */
function* differingEntries(
  before: Directory,
  after: Directory,
): Generator<[name: string, before: Entry | undefined, after: Entry | undefined]> {
  const olds = before.entries.entries()
  const youngs = after.entries.entries()
  let old = olds.next()
  let young = youngs.next()
  while (!old.done || !young.done) {
    const hasOld = !old.done && (young.done || old.value[0] <= young.value[0])
    const hasYoung = !young.done && (old.done || young.value[0] <= old.value[0])
    const oldEntry = hasOld ? old.value[1] : undefined
    const youngEntry = hasYoung ? young.value[1] : undefined
    if (oldEntry !== youngEntry) yield [hasOld ? old.value[0] : young.value[0], oldEntry, youngEntry]
    if (hasOld) old = olds.next()
    if (hasYoung) young = youngs.next()
  }
}

function treeEntry(path: string, entry: Entry): TreeEntry {
  return isDirectory(entry) ? { path, directory: entry } : { path, records: entry }
}

function directoryOf(entry: Entry | undefined): Directory {
  return entry && isDirectory(entry) ? entry : createDirectory()
}
