import { committedOf, createCommitQueue } from '../../commits/commit-queue.js'
import type { CallOptions, PathRange, PfsClient, Repo, RepoInfo } from '../../pfs/client.js'
import { withErrorContext } from '../../pfs/error-context.js'
import { settlePending } from '../../records/adopt-records.js'
import { recordsBranch } from '../../records/record-path.js'
import { stagingBranch, stagingBranchName, stagingCommit, timePrefix, uploadFrom } from './staging.js'

/** Options of a sweep. */
export interface SweepRequest {
  /** Age of the uploads to delete, in milliseconds. */
  readonly olderThanMilliseconds: number
}

/** The result of a sweep. */
export interface Swept {
  /** Number of deleted uploads that were neither completed nor aborted. */
  readonly uploads: number
  /** Number of deleted files: those of these uploads, of completed uploads, late parts, and pending records. */
  readonly files: number
}

/** Files to delete per commit. */
const batchSize = 10_000

/**
 * Deletes the remains of old multipart uploads in every repo that the caller may write: abandoned uploads, their parts, and
 * the records of completed uploads. Completes the records of large objects that a crash has left pending.
 *
 * @throws PfsError as PFS does
 * @example
 * await sweepUploads(pfs, { olderThanMilliseconds: 7 * 24 * 3_600_000 }, { authToken })
 */
export async function sweepUploads(
  client: PfsClient,
  { olderThanMilliseconds }: SweepRequest,
  options: CallOptions = {},
): Promise<Swept> {
  const pfs = withErrorContext(client)
  const before = new Date(Date.now() - olderThanMilliseconds)
  const swept = { uploads: 0, files: 0 }
  for await (const info of pfs.listRepo({ type: 'meta' }, options)) {
    if (hasBranch(info, stagingBranchName)) {
      const { uploads, files } = await sweepRepo(pfs, info.repo, before, options)
      swept.uploads += uploads
      swept.files += files
    }
    if (hasBranch(info, recordsBranch(info.repo).name))
      swept.files += await sweepRecords(pfs, info.repo, before, options)
  }
  return swept
}

/** Whether the caller may write a repo that has a branch of this name. */
function hasBranch({ branches, authInfo }: RepoInfo, name: string): boolean {
  const mayWrite = authInfo === undefined || authInfo.permissions.includes('REPO_WRITE')
  return mayWrite && branches.some((branch) => branch.name === name)
}

/** Settles records whose gateway crashed; returns the number of files that were deleted. */
async function sweepRecords(pfs: PfsClient, repo: Repo, before: Date, options: CallOptions): Promise<number> {
  const queue = createCommitQueue(pfs, { shareCommits: false, respondAfter: 'commit' })
  const changes = await settlePending(pfs, repo, before, options)
  if (changes.length > 0) committedOf(await queue.commit(recordsBranch(repo), changes, options))
  return changes.filter(({ content }) => content === undefined).length
}

async function sweepRepo(pfs: PfsClient, repo: Repo, before: Date, options: CallOptions): Promise<Swept> {
  const queue = createCommitQueue(pfs, { shareCommits: false, respondAfter: 'commit' })
  const commit = stagingCommit(repo)
  const find = async (glob: Glob, isWanted = (_path: string) => true): Promise<string[]> => {
    const paths: string[] = []
    for await (const { file } of pfs.globFile({ commit, ...glob }, options)) {
      if (isWanted(file.path)) paths.push(file.path)
    }
    return paths
  }
  const isOld = (path: string): boolean => {
    const upload = uploadFrom(path)
    return upload !== undefined && upload.id.initiated < before
  }
  const uploads = await find({ pattern: '/uploads/*/*' }, isOld)
  const files = [
    ...uploads,
    ...(await find({ pattern: '/completed/*/*' }, isOld)),
    ...(await find(oldBelow('/parts', before))),
    ...(await find(oldBelow('/checksums', before))),
  ]
  for (let start = 0; start < files.length; start += batchSize) {
    const changes = files.slice(start, start + batchSize).map((path) => ({ path }))
    committedOf(await queue.commit(stagingBranch(repo), changes, options))
  }
  return { uploads: uploads.length, files: files.length }
}

interface Glob {
  readonly pattern: string
  readonly pathRange?: PathRange
}

/** Directories are named by upload ids, which sort by time, so only the old ones are read. */
function oldBelow(directory: string, before: Date): Glob {
  const pathRange = { lower: `${directory}/`, upper: `${directory}/${timePrefix(before)}` }
  return { pattern: `${directory}/*/*`, pathRange }
}
