import { eachAtMost } from '../concurrency.js'
import type { Change } from './changes.js'
import type { Branch, CallOptions, Commit, FileInfo, PfsClient } from './client.js'
import { PathCollision, PfsError } from './errors.js'
import { parentsOf } from './path.js'

/** Calls of one batch under way at once. */
const maxCalls = 32

/**
 * Makes the checks that PFS does not make, for changes to one branch together: the branch is there (a write would make
 * it again), no new file is in the place of a directory or below a file, each condition holds. Returns for each change
 * the reason why it must not be made, or undefined. Throws where the branch itself cannot be written.
 */
export async function checkChanges(
  pfs: PfsClient,
  branch: Branch,
  changes: readonly Change[],
  options: CallOptions,
): Promise<readonly unknown[]> {
  const commit: Commit = { repo: branch.repo, branch: branch.name }
  const [, refusals] = await Promise.all([
    pfs.inspectBranch(branch, options),
    eachAtMost(maxCalls, changes, (change) => refusalOf(pfs, commit, change, options)),
  ])
  return refusals
}

async function refusalOf(pfs: PfsClient, commit: Commit, change: Change, options: CallOptions): Promise<unknown> {
  const { path, content, condition } = change
  if (content === undefined && condition === undefined) return undefined
  try {
    const [current, file] = await Promise.all([
      inspectPath(pfs, commit, path, options),
      content === undefined ? undefined : fileAbove(pfs, commit, path, options),
    ])
    if (content !== undefined && current?.fileType === 'DIR') return new PathCollision(path, current.file.path)
    if (file !== undefined) return new PathCollision(path, file)
    condition?.(current?.fileType === 'FILE' ? current : undefined)
    return undefined
  } catch (reason) {
    return reason
  }
}

/** The file or directory at a path; undefined where nothing is. */
async function inspectPath(
  pfs: PfsClient,
  commit: Commit,
  path: string,
  options: CallOptions,
): Promise<FileInfo | undefined> {
  try {
    return await pfs.inspectFile({ commit, path }, options)
  } catch (error) {
    if (error instanceof PfsError && error.missing === 'file') return undefined
    throw error
  }
}

/** The file that a path would have to be below, nearest first; none above a directory that is there. */
async function fileAbove(
  pfs: PfsClient,
  commit: Commit,
  path: string,
  options: CallOptions,
): Promise<string | undefined> {
  for (const parent of parentsOf(path)) {
    // A list of one, since to inspect a directory costs pachd a scan of all that is below it; read to its end, since to
    // leave it would reset the call.
    let found: FileInfo | undefined
    for await (const info of pfs.listFile({ file: { commit, path: parent }, number: 1 }, options)) found = info
    if (found !== undefined) return found.file.path === parent ? parent : undefined
  }
  return undefined
}
