import { createDirectory, type Directory, type Entry, isDirectory, rootFileName } from './directory.js'
import { differingEntries } from './sorted-map.js'
import type { TreeEntry } from './walk.js'

/** What stands at one path in two trees. */
export interface TreeDifference {
  readonly path: string
  readonly before?: TreeEntry
  readonly after?: TreeEntry
}

/**
 * The paths below a directory at which two trees do not share what they hold, in byte order; a directory comes before
 * what is in it. What the trees share is not visited.
 */
export function* differences(before: Directory, after: Directory, path: string): Generator<TreeDifference> {
  if (before === after) return
  for (const [name, old, young] of differingEntries(before.entries, after.entries)) {
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

function treeEntry(path: string, entry: Entry): TreeEntry {
  return isDirectory(entry) ? { path, directory: entry } : { path, records: entry }
}

function directoryOf(entry: Entry | undefined): Directory {
  return entry && isDirectory(entry) ? entry : createDirectory()
}
