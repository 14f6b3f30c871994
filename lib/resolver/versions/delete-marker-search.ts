import type { CommitLog } from '../../commits/commit-log.js'
import { createSemaphore } from '../../concurrency.js'
import type { CallOptions, Commit, CommitInfo, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { findFile } from '../../pfs/path.js'

/**
 * Maximum commits to search for a delete marker, with two calls of about ten milliseconds each. Commits of this process are
 * searched only if they deleted the path, and not counted otherwise.
 */
const maxCommits = 10

/** Maximum concurrent searches; others wait. Clients that read missing keys send many requests. */
const maxSearches = 4

/** Finds delete markers: the commits that deleted missing files. */
export interface DeleteMarkerSearch {
  /**
   * The id of the last commit that deleted a file; undefined if it is not among the last ten commits of other writers. PFS
   * has no index for this, and a key that never existed would make the search read the whole history.
   *
   * @throws PfsError as PFS does.
   */
  find(start: Commit, path: string, options: CallOptions): Promise<string | undefined>
  /** Whether a commit deleted a file that exists in the commit before it. */
  isDeletedIn(commit: Commit, path: string, options: CallOptions): Promise<boolean>
}

/** Creates a search that all callers share. */
export function createDeleteMarkerSearch(pfs: PfsClient, log: CommitLog): DeleteMarkerSearch {
  const limited = createSemaphore(maxSearches)

  /** The base of a commit: the nearest earlier commit that has not failed, since PFS drops the content of those. */
  async function baseOf({ parentCommit }: CommitInfo, options: CallOptions): Promise<CommitInfo | undefined> {
    let commit = parentCommit
    while (commit !== undefined) {
      const info: CommitInfo = await pfs.inspectCommit({ commit }, options)
      if (info.error === '') return info
      commit = info.parentCommit
    }
    return undefined
  }

  async function findDeleteMarker(start: Commit, path: string, options: CallOptions): Promise<string | undefined> {
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

  /** The nearest commit, from `commitId` back, that may have changed the path. */
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
          return await findDeleteMarker(start, path, options)
        } catch (error) {
          // The commit has been deleted from the history in the meantime.
          if (isMissing(error, 'commit')) return undefined
          throw error
        }
      }),
    isDeletedIn: async (commit, path, options) => {
      const base = await baseOf(await pfs.inspectCommit({ commit }, options), options)
      return base !== undefined && (await findFile(pfs, { commit: base.commit, path }, options)) !== undefined
    },
  }
}
