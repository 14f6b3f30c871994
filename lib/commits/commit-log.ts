import { LRUCache } from 'lru-cache'
import type { Repo } from '../pfs/client.js'

/** A commit that this process made on top of another, and all that it changed. */
export interface LoggedCommit {
  readonly parentId: string
  /** The paths that it wrote or deleted, also where that changed nothing. */
  readonly paths: ReadonlySet<string>
}

/**
 * The commits that this process made last, by repo and id: PFS tells what a commit changed only by comparing all files.
 * An optimisation: what is missing here, such as the commits of another replica, is read from PFS.
 */
export interface CommitLog {
  add(repo: Repo, commitId: string, commit: LoggedCommit): void
  get(repo: Repo, commitId: string): LoggedCommit | undefined
}

/** The memory that the log takes at most, about. */
const maxBytes = 16 * 1024 * 1024

/** What a commit and a path take beside the text of the path. */
const overheadBytes = 200

/** An empty log. */
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
    add: (repo, commitId, commit) => commits.set(nameOf(repo, commitId), commit),
    get: (repo, commitId) => commits.get(nameOf(repo, commitId)),
  }
}

function nameOf({ project, name, type }: Repo, commitId: string): string {
  return `${project}/${name}.${type}@${commitId}`
}
