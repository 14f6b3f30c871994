import { eachAtMost } from '../concurrency.js'
import type { CallOptions, Commit, PfsClient } from '../pfs/client.js'
import { PathCollision, unlessMissing } from '../pfs/errors.js'
import { parentsOf } from '../pfs/path.js'
import type { Change } from './change.js'

/** Most directories above a path that are each asked for; of more, the nearest that is there is looked for by halves. */
const maxParents = 8

/** Calls of one batch under way at once: as many as pachd has connections to its database. */
const maxCalls = 10

/**
 * Makes the checks that PFS does not make, for changes to one branch together: no new file is in the place of a directory
 * or below a file, each condition holds. Returns for each change the reason why it must not be made, or undefined.
 */
export async function checkChanges(
  pfs: PfsClient,
  commit: Commit,
  changes: readonly Change[],
  options: CallOptions,
): Promise<readonly unknown[]> {
  const parentsOfEach = changes.map(({ path, content }) => (content === undefined ? [] : parentsOf(path)))
  const shared = new Set(parentsOfEach.filter(({ length }) => length <= maxParents).flat())
  const found = await eachAtMost(maxCalls, [...shared], async (path) => {
    return [path, await findFile(pfs, commit, path, options)] as const
  })
  const files = new Map(found)
  return eachAtMost(maxCalls, changes, async (change, index) => {
    const parents = parentsOfEach[index] ?? []
    if (parents.length > maxParents) {
      const refusal = await refusalOfDeep(pfs, commit, change.path, parents, options)
      if (refusal !== undefined) return refusal
    } else {
      for (const parent of parents) {
        const file = files.get(parent)
        if (file !== undefined) return file.reason ?? new PathCollision(change.path, parent)
      }
    }
    return refusalOf(pfs, commit, change, options)
  })
}

/** Whether a change needs a look at what is there. */
export function needsCheck({ content, condition }: Change): boolean {
  return content !== undefined || condition !== undefined
}

/** What is in the way above a path of many directories: where the nearest that is there is none, no other can be. */
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

async function refusalOf(pfs: PfsClient, commit: Commit, change: Change, options: CallOptions): Promise<unknown> {
  if (!needsCheck(change)) return undefined
  const { path, content, condition } = change
  try {
    const current = await unlessMissing(pfs.inspectFile({ commit, path }, options), 'file')
    if (content !== undefined && current?.fileType === 'DIR') return new PathCollision(path, current.file.path)
    condition?.(current?.fileType === 'FILE' ? current : undefined)
    return undefined
  } catch (reason) {
    return reason
  }
}

/**
 * Whether a file is at a path, or the reason why that cannot be told; undefined where none is. Not by InspectFile or
 * ListFile, to which a directory there, or the first below it, would cost a scan of all that it holds.
 */
async function findFile(
  pfs: PfsClient,
  commit: Commit,
  path: string,
  options: CallOptions,
): Promise<{ readonly reason?: unknown } | undefined> {
  let file: { readonly reason?: unknown } | undefined
  try {
    const pathRange = { lower: path, upper: `${path} ` }
    for await (const _info of pfs.globFile({ commit, pattern: path, pathRange }, options)) file = {}
    return file
  } catch (reason) {
    return { reason }
  }
}
