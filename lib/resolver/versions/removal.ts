import type { CommitLog } from '../../commits/commit-log.js'
import { createSemaphore } from '../../concurrency.js'
import type { CallOptions, Commit, CommitInfo, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { findFile } from '../../pfs/exact-path.js'

/**
 * Most commits of one history that are looked into for a delete marker, two calls of about ten milliseconds each. The
 * commits that this process made are looked into only if they deleted the path, and are not counted otherwise.
 */
const maxCommits = 10

/** Most searches at once; the others wait. Clients that ask for missing keys ask often. */
const maxSearches = 4

/** The search for the commits that removed missing files. */
export interface RemovalSearch {
  /**
   * The id of the last commit that removed a file; undefined if none of the last ten commits that this process did not
   * make removed it. PFS has no index for it, and the history of a key that never was has no end.
   *
   * @throws PfsError as PFS does.
   */
  find(start: Commit, path: string, options: CallOptions): Promise<string | undefined>
  /** Whether a commit removed a file that the commit before it holds. */
  isRemovedIn(commit: Commit, path: string, options: CallOptions): Promise<boolean>
}

/** A search that all callers share. */
export function createRemovalSearch(pfs: PfsClient, log: CommitLog): RemovalSearch {
  const limited = createSemaphore(maxSearches)

  /** The commit that the next one changes: the nearest before it that is not in error, since PFS drops what those held. */
  async function baseOf({ parentCommit }: CommitInfo, options: CallOptions): Promise<CommitInfo | undefined> {
    let commit = parentCommit
    while (commit !== undefined) {
      const info: CommitInfo = await pfs.inspectCommit({ commit }, options)
      if (info.error === '') return info
      commit = info.parentCommit
    }
    return undefined
  }

  async function findRemoval(start: Commit, path: string, options: CallOptions): Promise<string | undefined> {
    const { repo } = start
    let info: CommitInfo | undefined = await pfs.inspectCommit({ commit: start }, options)
    for (let looked = 0; info !== undefined && looked < maxCommits; looked++) {
      const id = skipOthers(repo, info.commit.id ?? '', path)
      if (id !== info.commit.id) info = await pfs.inspectCommit({ commit: { repo, id } }, options)
      const base: CommitInfo | undefined = await baseOf(info, options)
      if (base !== undefined && (await findFile(pfs, { commit: base.commit, path }, options))) return id
      info = base
    }
    return undefined
  }

  /** The nearest commit, from `commitId` back, that is not known to have left the path alone. */
  function skipOthers(repo: Commit['repo'], commitId: string, path: string): string {
    let id = commitId
    for (let made = log.get(repo, id); made !== undefined && !made.paths.has(path); made = log.get(repo, id)) {
      id = made.parentId
    }
    return id
  }

  return {
    find: (start, path, options) =>
      limited(async () => {
        try {
          return await findRemoval(start, path, options)
        } catch (error) {
          // A commit that somebody has deleted from the history meanwhile.
          if (isMissing(error, 'commit')) return undefined
          throw error
        }
      }),
    isRemovedIn: async (commit, path, options) => {
      const base = await baseOf(await pfs.inspectCommit({ commit }, options), options)
      return base !== undefined && (await findFile(pfs, { commit: base.commit, path }, options)) !== undefined
    },
  }
}
