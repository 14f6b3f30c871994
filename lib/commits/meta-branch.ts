import type { Branch, CallOptions, PfsClient, Repo } from '../pfs/client.js'
import { isMissing, PfsError, unlessMissing } from '../pfs/errors.js'
import type { Change } from './change.js'
import type { Committed } from './commit-changes.js'
import { type CommitQueue, committedOf } from './commit-queue.js'

/**
 * Thrown if the caller may write a repo, but may not create the missing `meta` repo beside it. Only in pachd's project
 * `default` may every user create repos.
 */
export class MetaRepoRefused extends PfsError {
  constructor({ name, project }: Repo, cause: PfsError) {
    super(
      'PERMISSION_DENIED',
      `Metadata, tags, directory markers, deleted versions and multipart uploads are kept in a repo of type meta beside "${name}". It does not exist yet, and you may not create repos in the project "${project}". Someone who may has to write one object with metadata to "${name}" first.`,
      { cause },
    )
  }
}

const description = 'Records of S3 objects, and parts of uploads that are not completed yet'

/**
 * Commits changes to a branch of the `meta` repo beside a user repo. Creates the branch, and that repo, if they are missing.
 * The meta repo is not listed, shares the rights of the user repo, and is deleted with it. Queues the changes before it
 * returns, so that callers keep their order.
 *
 * @throws PfsError PERMISSION_DENIED if the caller may not write the user repo: PFS itself lets anyone create a meta repo.
 * @throws MetaRepoRefused
 */
export async function commitToMetaBranch(
  pfs: PfsClient,
  commits: CommitQueue,
  branch: Branch,
  changes: readonly Change[],
  options: CallOptions,
): Promise<Committed> {
  const commit = async () => committedOf(await commits.commit(branch, changes, options))
  const committed = await unlessMissing(commit())
  if (committed !== undefined) return committed
  await createMetaBranch(pfs, branch, options)
  return commit()
}

async function createMetaBranch(pfs: PfsClient, branch: Branch, options: CallOptions): Promise<void> {
  const { authInfo } = await pfs.inspectRepo({ ...branch.repo, type: 'user' }, options)
  if (authInfo?.permissions.includes('REPO_WRITE') === false) {
    throw new PfsError('PERMISSION_DENIED', `needs permission REPO_WRITE on repo ${branch.repo.name}`)
  }
  try {
    await pfs.createBranch({ branch }, options)
    return
  } catch (error) {
    // With auth active, pachd may refuse to say that the repo is missing.
    const isRefused = error instanceof PfsError && error.status === 'PERMISSION_DENIED'
    if (!isMissing(error, 'repo') && !isRefused) throw error
  }
  try {
    await pfs.createRepo({ repo: branch.repo, description }, options)
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
    if (error.status === 'PERMISSION_DENIED') throw new MetaRepoRefused(branch.repo, error)
    if (error.status !== 'ALREADY_EXISTS') throw error
  }
  await pfs.createBranch({ branch }, options)
}
