import { LRUCache } from 'lru-cache'
import { noteLookup } from '../diagnostics.js'
import { type CallOptions, type Commit, type PfsClient, repoCommitId } from '../pfs/client.js'

/** The times of commits. */
export interface CommitTimes {
  /**
   * When a commit was closed; while it is open, when it was started. Call it only if PFS has just confirmed that the caller may
   * read the repo.
   *
   * @throws PfsError as `inspectCommit` does
   */
  of(commit: Commit, options: CallOptions): Promise<Date>
}

/** Maximum closed commits whose time is cached. */
const maxCommits = 10_000

/** Creates the times of all commits. Caches those of closed commits, which never change. */
export function createCommitTimes(pfs: Pick<PfsClient, 'inspectCommit'>): CommitTimes {
  const closed = new LRUCache<string, Date>({ max: maxCommits })
  return {
    async of(commit, options) {
      const id = repoCommitId(commit.repo, commit.id ?? '')
      const known = noteLookup('commit-times', closed.get(id))
      if (known !== undefined) return known
      const { started, finishing } = await pfs.inspectCommit({ commit }, options)
      if (finishing !== undefined) closed.set(id, finishing)
      return finishing ?? started ?? new Date(0)
    },
  }
}
