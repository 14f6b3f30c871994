import { mapWithLimit, unlessAborted } from '../concurrency.js'
import type { CallOptions, Commit, FileInfo, PfsClient } from '../pfs/client.js'
import { PathCollision } from '../pfs/errors.js'
import { findFile, parentsOf } from '../pfs/path.js'
import { lookUpPaths, type PathLookupScope, type PathResult } from '../pfs/path-lookup.js'
import type { Change } from './change.js'

/** Maximum unknown parents to look up one by one; for deeper paths, a binary search finds the nearest existing one. */
const maxParents = 8

/** Concurrent calls per batch: pachd has this many connections to its database. */
const maxCalls = 10

/** The reason why a change is refused, or the file that it replaces or deletes, if that exists. */
export type Check = PromiseSettledResult<FileInfo | undefined>

/** The commit in which changes are checked. */
export interface CheckScope extends PathLookupScope {
  /** Whether a path is known to be a directory in that commit. */
  readonly isDirectory: (path: string) => boolean
}

/**
 * Makes the checks that PFS does not make, for a batch of changes to one branch: a new file must not replace a directory or
 * be below a file, and each condition must hold. Returns the result of each change.
 *
 * @throws PfsError if the look-up of paths fails.
 */
export async function checkChanges(
  scope: CheckScope,
  changes: readonly Change[],
  options: CallOptions,
): Promise<readonly Check[]> {
  const parentsOfEach = changes.map((change) => (isNewFile(change) ? unknownParents(change.path, scope) : []))
  const shallow = parentsOfEach.filter(({ length }) => length <= maxParents)
  const found = await findAll(scope, changes, new Set(shallow.flat()), options)
  return mapWithLimit(maxCalls, changes, async (change, index) => {
    if (change.isUnchecked === true) return passed(undefined)
    const parents = parentsOfEach[index] ?? []
    if (parents.length > maxParents) {
      const refusal = await refusalOfDeep(scope, change.path, parents, options)
      if (refusal !== undefined) return refused(refusal)
    } else {
      for (const parent of parents) {
        const result = found.get(parent)
        if (result?.status === 'rejected') return result
        if (result?.value.file !== undefined) return refused(new PathCollision(change.path, parent))
      }
    }
    const check = checkCurrent(change, found.get(change.path))
    // A condition calls PFS for its own caller, without the time limit of the turn.
    return change.condition === undefined ? check : unlessAborted(check, options.signal).catch(refused)
  })
}

/** Whether a change creates a file where PFS may contain something else. */
export function isNewFile({ content, isUnchecked }: Change): boolean {
  return content !== undefined && isUnchecked !== true
}

/** The directories above a path, nearest first, up to one that is known to be a directory. */
function unknownParents(path: string, { isDirectory }: CheckScope): string[] {
  const parents = parentsOf(path)
  const known = parents.findIndex(isDirectory)
  return known < 0 ? parents : parents.slice(0, known)
}

/**
 * Looks up the paths of changes and their parents. Common parents of all paths are looked up separately: a range that starts
 * at such a directory would contain everything in it.
 */
async function findAll(
  scope: CheckScope,
  changes: readonly Change[],
  parents: ReadonlySet<string>,
  options: CallOptions,
): Promise<ReadonlyMap<string, PathResult>> {
  const paths = changes.filter(({ isUnchecked }) => isUnchecked !== true).map(({ path }) => path)
  const isAboveAll = (parent: string): boolean => paths.every((path) => path.startsWith(`${parent}/`))
  const above = [...parents].filter(isAboveAll)
  const others = [...parents].filter((parent) => !above.includes(parent))
  const { pfs, commit } = scope
  const [filesAbove, otherResults] = await Promise.all([
    mapWithLimit(maxCalls, above, (path) => findFile(pfs, { commit, path }, options).then(fileAt, refused)),
    lookUpPaths(scope, [...paths, ...others], options),
  ])
  return new Map([
    ...above.map((path, index) => [path, filesAbove[index] ?? fileAt(undefined)] as const),
    ...otherResults,
  ])
}

/** Finds a file above a path with many parents: below an existing directory, no parent can be a file. */
async function refusalOfDeep(
  { pfs, commit }: { readonly pfs: PfsClient; readonly commit: Commit },
  path: string,
  parents: readonly string[],
  options: CallOptions,
): Promise<unknown> {
  let nearest: string | undefined
  let [from, to] = [0, parents.length]
  try {
    while (from < to) {
      const middle = (from + to) >> 1
      const file = { commit, path: parents[middle] ?? '' }
      let found: string | undefined
      for await (const info of pfs.listFile({ file, number: 1 }, options)) found = info.file.path
      if (found === undefined) from = middle + 1
      else {
        to = middle
        nearest = found
      }
    }
    return nearest !== undefined && nearest === parents[to] ? new PathCollision(path, nearest) : undefined
  } catch (reason) {
    return reason
  }
}

async function checkCurrent({ path, content, condition }: Change, result: PathResult | undefined): Promise<Check> {
  if (result?.status === 'rejected') return result
  const { file, isDirectory = false } = result?.value ?? {}
  if (content !== undefined && file === undefined && isDirectory) return refused(new PathCollision(path, `${path}/`))
  try {
    await condition?.(file)
    return passed(file)
  } catch (reason) {
    return refused(reason)
  }
}

function fileAt(file: FileInfo | undefined): PathResult {
  return { status: 'fulfilled', value: { file, isDirectory: false } }
}

function passed(value: FileInfo | undefined): Check {
  return { status: 'fulfilled', value }
}

function refused(reason: unknown): PromiseRejectedResult {
  return { status: 'rejected', reason }
}
