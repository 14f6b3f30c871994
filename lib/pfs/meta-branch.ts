import type { Branch, CallOptions, PfsClient } from './client.js'
import { PfsError } from './errors.js'

/**
 * Creates a branch in the `meta` repo beside a user repo, and that repo if it is missing. The meta repo is not listed,
 * shares the rights of the user repo, and is deleted with it.
 *
 * @throws PfsError PERMISSION_DENIED if the caller may not write the user repo: PFS itself lets anyone create a meta repo.
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
