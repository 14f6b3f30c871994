import type { CallOptions, PfsClient, Repo, RepoInfo } from '../../pfs/client.js'
import { createCommitQueue } from '../../pfs/commit-queue.js'
import { committedOf } from '../../pfs/outcomes.js'
import { stagingBranch, stagingBranchName, stagingCommit, uploadFrom } from './staging.js'
import { timePrefix } from './upload-id.js'

/** Which uploads are swept. */
export interface SweepRequest {
  /** Uploads that began longer ago. */
  readonly olderThanMilliseconds: number
}

/** What a sweep has removed. */
export interface Swept {
  /** Uploads that nobody had completed or aborted. */
  readonly uploads: number
  /** Files of theirs, of completed uploads, and parts that came too late. */
  readonly files: number
}

/** Files deleted in one commit. */
const batchSize = 10_000

/**
 * Removes what is left of old multipart uploads in every repo that the caller may write: uploads that nobody completed,
 * their parts, and what was kept of completed ones.
 */
export async function sweepUploads(
  pfs: PfsClient,
  { olderThanMilliseconds }: SweepRequest,
  options: CallOptions = {},
): Promise<Swept> {
  const before = new Date(Date.now() - olderThanMilliseconds)
  const swept = { uploads: 0, files: 0 }
  for await (const info of pfs.listRepo({ type: 'meta' }, options)) {
    if (!hasUploads(info)) continue
    const { uploads, files } = await sweepRepo(pfs, info.repo, before, options)
    swept.uploads += uploads
    swept.files += files
  }
  return swept
}

function hasUploads({ branches, authInfo }: RepoInfo): boolean {
  const mayWrite = authInfo === undefined || authInfo.permissions.includes('REPO_WRITE')
  return mayWrite && branches.some(({ name }) => name === stagingBranchName)
}

async function sweepRepo(pfs: PfsClient, repo: Repo, before: Date, options: CallOptions): Promise<Swept> {
  const branch = stagingBranch(repo)
  const queue = createCommitQueue(pfs, { commits: 'each', confirm: 'commit' })
  const uploads = await oldUploads(pfs, repo, '/uploads/*/*', before, options)
  const files = [
    ...uploads,
    ...(await oldUploads(pfs, repo, '/completed/*/*', before, options)),
    ...(await oldParts(pfs, repo, '/parts', before, options)),
    ...(await oldParts(pfs, repo, '/checksums', before, options)),
  ]
  for (let start = 0; start < files.length; start += batchSize) {
    const changes = files.slice(start, start + batchSize).map((path) => ({ path }))
    committedOf(await queue.commit(branch, changes, options))
  }
  return { uploads: uploads.length, files: files.length }
}

/** Names only: the time of an upload is in its id. */
async function oldUploads(
  pfs: PfsClient,
  repo: Repo,
  pattern: string,
  before: Date,
  options: CallOptions,
): Promise<string[]> {
  const paths: string[] = []
  const commit = stagingCommit(repo)
  for await (const { file } of pfs.globFile({ commit, pattern }, options)) {
    const upload = uploadFrom(file.path)
    if (upload !== undefined && upload.id.initiated < before) paths.push(file.path)
  }
  return paths
}

/** The directories of parts are in the order of their times, so only the old ones are read. */
async function oldParts(
  pfs: PfsClient,
  repo: Repo,
  directory: string,
  before: Date,
  options: CallOptions,
): Promise<string[]> {
  const paths: string[] = []
  const commit = stagingCommit(repo)
  const pathRange = { lower: `${directory}/`, upper: `${directory}/${timePrefix(before)}` }
  for await (const { file } of pfs.globFile({ commit, pattern: `${directory}/*/*`, pathRange }, options)) {
    paths.push(file.path)
  }
  return paths
}
