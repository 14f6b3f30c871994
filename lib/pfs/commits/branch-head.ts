import type { Branch, CallOptions, Commit, CommitInfo, PfsClient } from '../client.js'
import { PfsError } from '../errors.js'

/** A commit that is, or was, the head of a branch. */
export interface Head {
  readonly commitId: string
  readonly parentId: string | undefined
  /** An open commit takes writes in. One that is finishing does not, and PFS lets reads of it wait until it is finished. */
  readonly state: 'open' | 'finishing' | 'finished'
  /** What PFS has found wrong with a finished commit, whose changes the next one drops; '' where nothing is. */
  readonly error: string
}

/** The head of a branch as it stands; throws where only a pipeline may write into it, which PFS would let anybody do. */
export async function inspectHead(pfs: PfsClient, branch: Branch, options: CallOptions): Promise<Head> {
  const info = await pfs.inspectCommit({ commit: headOf(branch) }, options)
  if (info.finishing === undefined && info.directProvenance.length > 0) {
    throw new PfsError('UNKNOWN', `cannot write into a commit on an output branch: ${branch.name}`)
  }
  return headFromInfo(info)
}

/** A commit of a branch once PFS has finished it. */
export async function inspectFinished(
  pfs: PfsClient,
  { repo }: Branch,
  commitId: string,
  options: CallOptions,
): Promise<Head> {
  return headFromInfo(await pfs.inspectCommit({ commit: { repo, id: commitId }, wait: 'FINISHED' }, options))
}

/** The head of a branch, in the words of a call. */
export function headOf({ repo, name }: Branch): Commit {
  return { repo, branch: name }
}

function headFromInfo({ commit, parentCommit, finishing, finished, error }: CommitInfo): Head {
  return {
    commitId: commit.id ?? '',
    parentId: parentCommit?.id,
    state: finishing === undefined ? 'open' : finished === undefined ? 'finishing' : 'finished',
    error,
  }
}
