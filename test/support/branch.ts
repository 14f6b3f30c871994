import type { Branch, PfsClient } from '../../lib/index.js'

/** Makes a repo and a branch of it: a bucket, where S3 looks at it. */
export async function createRepoAndBranch(pfs: PfsClient, branch: Branch, authToken?: string): Promise<void> {
  const options = authToken === undefined ? {} : { authToken }
  await pfs.createRepo({ repo: branch.repo }, options)
  await pfs.createBranch({ branch }, options)
}
