import { type Branch, type CallOptions, type CommitInfo, headOf, type PfsClient } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'

/** A current or former head of a branch. */
export interface Head {
  readonly commitId: string
  readonly parentId: string | undefined
  /** When it was closed for writes; undefined while it is open. */
  readonly time: Date | undefined
  /** An open commit can be written. One that is finishing cannot, and reads of it wait until it is finished. */
  readonly state: 'open' | 'finishing' | 'finished'
  /** Why PFS could not validate a finished commit, whose content the next one drops; '' if it is valid. */
  readonly error: string
}

/** The head of a branch. @throws PfsError UNKNOWN if only a pipeline may write to the branch, which PFS does not check. */
export async function inspectHead(pfs: PfsClient, branch: Branch, options: CallOptions): Promise<Head> {
  const info = await pfs.inspectCommit({ commit: headOf(branch) }, options)
  if (info.finishing === undefined && info.directProvenance.length > 0) {
    throw new PfsError('UNKNOWN', `cannot write into a commit on an output branch: ${branch.name}`)
  }
  return headFromInfo(info)
}

/** Waits until PFS has finished a commit. */
export async function inspectFinished(
  pfs: PfsClient,
  { repo }: Branch,
  commitId: string,
  options: CallOptions,
): Promise<Head> {
  return headFromInfo(await pfs.inspectCommit({ commit: { repo, id: commitId }, wait: 'FINISHED' }, options))
}

function headFromInfo({ commit, parentCommit, finishing, finished, error }: CommitInfo): Head {
  return {
    commitId: commit.id ?? '',
    parentId: parentCommit?.id,
    time: finishing,
    state: finishing === undefined ? 'open' : finished === undefined ? 'finishing' : 'finished',
    error,
  }
}
