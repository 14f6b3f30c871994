import { LRUCache } from 'lru-cache'
import { noteLookup } from '../diagnostics.js'
import { type Repo, repoCommitId } from '../pfs/client.js'

/** A commit of this process and its changes. */
export interface LoggedCommit {
  readonly parentId: string
  /** The paths that it wrote or deleted, even if that changed nothing. */
  readonly paths: ReadonlySet<string>
}

/**
 * The latest commits of this process, by repo and id: PFS can compute the changes of a commit only by comparing all files.
 * An optimisation only: other commits, such as those of another replica, are read from PFS.
 */
export interface CommitLog {
  add(repo: Repo, commitId: string, commit: LoggedCommit): void
  get(repo: Repo, commitId: string): LoggedCommit | undefined
}

/** Approximate size limit in bytes. */
const maxBytes = 16 * 1024 * 1024

/** Memory of a commit, and of a path in addition to its text, in bytes. */
const overheadBytes = 200

/** Creates an empty log. */
export function createCommitLog(): CommitLog {
  const commits = new LRUCache<string, LoggedCommit>({
    maxSize: maxBytes,
    sizeCalculation: ({ paths }) => {
      let bytes = overheadBytes
      for (const path of paths) bytes += path.length + overheadBytes
      return bytes
    },
  })
  return {
    add: (repo, commitId, commit) => commits.set(repoCommitId(repo, commitId), commit),
    get: (repo, commitId) => noteLookup('commits', commits.get(repoCommitId(repo, commitId))),
  }
}
