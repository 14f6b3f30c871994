import { eachAtMost } from '../concurrency.js'
import type { CallOptions, Commit, FileInfo, PfsClient } from '../pfs/client.js'
import { PathCollision, unlessMissing } from '../pfs/errors.js'
import { findFile, findFiles, parentsOf } from '../pfs/path.js'
import type { Change } from './change.js'

/** Maximum parent directories to look up one by one; for deeper paths, a binary search finds the nearest existing one. */
const maxParents = 8

/** Concurrent calls per batch: pachd has this many connections to its database. */
const maxCalls = 10

/** The reason why a change is refused, or the file that it replaces or deletes, if that exists. */
export type Check = PromiseSettledResult<FileInfo | undefined>

/**
 * Makes the checks that PFS does not make, for a batch of changes to one branch: a new file must not replace a directory or
 * be below a file, and each condition must hold. Returns the result of each change.
 *
 * @throws PfsError if the look-up of deletions fails.
 */
export async function checkChanges(
  pfs: PfsClient,
  commit: Commit,
  changes: readonly Change[],
  options: CallOptions,
): Promise<readonly Check[]> {
  const parentsOfEach = changes.map((change) => (isNewFile(change) ? parentsOf(change.path) : []))
  const shared = new Set(parentsOfEach.filter(({ length }) => length <= maxParents).flat())
  const found = await eachAtMost(maxCalls, [...shared], async (path) => {
    return [path, await findFile(pfs, { commit, path }, options).then(passed, refused)] as const
  })
  const files = new Map(found)
  const deletedPaths = changes.filter(isMereDeletion).map(({ path }) => path)
  const deletions = await findFiles(pfs, commit, deletedPaths, options)
  return eachAtMost(maxCalls, changes, async (change, index) => {
    if (change.isUnchecked === true) return passed(undefined)
    const parents = parentsOfEach[index] ?? []
    if (parents.length > maxParents) {
      const refusal = await refusalOfDeep(pfs, commit, change.path, parents, options)
      if (refusal !== undefined) return refused(refusal)
    } else {
      for (const parent of parents) {
        const check = files.get(parent)
        if (check?.status === 'rejected') return check
        if (check?.value !== undefined) return refused(new PathCollision(change.path, parent))
      }
    }
    return (isMereDeletion(change) && deletions.get(change.path)) || checkCurrent(pfs, commit, change, options)
  })
}

/** Whether a change creates a file where PFS may contain something else. */
function isNewFile({ content, isUnchecked }: Change): boolean {
  return content !== undefined && isUnchecked !== true
}

/** Whether a change deletes its path unconditionally: many of these are looked up with few calls. */
function isMereDeletion({ content, condition, isUnchecked }: Change): boolean {
  return content === undefined && condition === undefined && isUnchecked !== true
}

/** Finds a file above a path with many parents: below an existing directory, no parent can be a file. */
async function refusalOfDeep(
  pfs: PfsClient,
  commit: Commit,
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

async function checkCurrent(pfs: PfsClient, commit: Commit, change: Change, options: CallOptions): Promise<Check> {
  const { path, content, condition } = change
  try {
    const current = await unlessMissing(pfs.inspectFile({ commit, path }, options), 'file')
    if (content !== undefined && current?.fileType === 'DIR') return refused(new PathCollision(path, current.file.path))
    const file = current?.fileType === 'FILE' ? current : undefined
    await condition?.(file)
    return passed(file)
  } catch (reason) {
    return refused(reason)
  }
}

function passed(value: FileInfo | undefined): Check {
  return { status: 'fulfilled', value }
}

function refused(reason: unknown): Check {
  return { status: 'rejected', reason }
}
