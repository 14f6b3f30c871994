import type { Branch, CallOptions, PfsClient } from './client.js'
import { PfsError } from './errors.js'

/**
 * Makes a branch in the repo of type `meta` that stands beside a user repo, and that repo if it is missing. It is in no
 * list of repos, has its rights from the user repo and goes when the user repo goes.
 *
 * @throws PfsError PERMISSION_DENIED if the caller may not write the user repo: PFS lets anybody make the meta repo.
 */
export async function ensureMetaBranch(
  pfs: PfsClient,
  branch: Branch,
  { description }: { readonly description: string },
  options: CallOptions,
): Promise<void> {
  const { authInfo } = await pfs.inspectRepo({ ...branch.repo, type: 'user' }, options)
  if (authInfo?.permissions.includes('REPO_WRITE') === false) {
    throw new PfsError('PERMISSION_DENIED', `needs permission REPO_WRITE on repo ${branch.repo.name}`)
  }
  try {
    await pfs.createRepo({ repo: branch.repo, description }, options)
  } catch (error) {
    if (!(error instanceof PfsError) || error.status !== 'ALREADY_EXISTS') throw error
  }
  await pfs.createBranch({ branch }, options)
}
