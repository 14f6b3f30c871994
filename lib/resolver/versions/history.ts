import { LRUCache } from 'lru-cache'
import { noteLookup } from '../../diagnostics.js'
import { type CallOptions, type Commit, type CommitInfo, type PfsClient, repoCommitId } from '../../pfs/client.js'

/** A commit of a history, and the commit to compare it with. */
export interface Revision {
  readonly commit: Commit & { readonly id: string }
  /** The nearest earlier commit that has not failed; undefined if all have. */
  readonly base: (Commit & { readonly id: string }) | undefined
  /** When it was closed; while it is open, when it was started. */
  readonly time: Date
  /** Whether its changes are final. */
  readonly isFinished: boolean
}

/** Reads histories: a commit, its parent, its parent's parent, and so on. */
export interface History {
  /**
   * The commits of a history, newest first, without those in error: the next commit drops their content, so they contain no
   * versions. Call it only if PFS has just confirmed that the caller may read the repo.
   */
  revisions(to: Commit, options: CallOptions): AsyncGenerator<Revision>
  /** The ids of all commits of a history, newest first. */
  ids(to: Commit, options: CallOptions): AsyncGenerator<string>
}

/** The first page of a history that is not cached, and the largest; a commit costs PFS some ten milliseconds. */
const firstPage = 3
const largestPage = 400

/** Maximum cached commits, and their lifetime in milliseconds: someone may squash commits, which changes their children. */
const maxCommits = 20_000
const lifetimeMilliseconds = 60_000

interface KnownCommit {
  readonly id: string
  readonly parentId: string | undefined
  readonly time: Date
  readonly isFinished: boolean
  readonly hasFailed: boolean
}

/** Creates the histories of all repos. Caches finished commits, so that a later read costs only the commits since. */
export function createHistory(pfs: PfsClient): History {
  const known = new LRUCache<string, KnownCommit>({ max: maxCommits, ttl: lifetimeMilliseconds })

  async function* commits(to: Commit, options: CallOptions): AsyncGenerator<KnownCommit> {
    const { repo } = to
    const cached = (id: string | undefined) => (id === undefined ? undefined : known.get(repoCommitId(repo, id)))
    let number = firstPage
    for (let next: Commit | undefined = to; next !== undefined; ) {
      const page: KnownCommit[] = []
      const first = noteLookup('history', cached(next.id))
      if (first !== undefined) page.push(first)
      else {
        for await (const info of pfs.listCommit({ repo, to: next, number }, options)) {
          const commit = knownFrom(info)
          if (commit.isFinished) known.set(repoCommitId(repo, commit.id), commit)
          page.push(commit)
          if (cached(commit.parentId) !== undefined) break
        }
        number = Math.min(number * 4, largestPage)
      }
      yield* page
      const id: string | undefined = page.at(-1)?.parentId
      next = id === undefined ? undefined : { repo, id }
    }
  }

  return {
    async *revisions(to, options) {
      const { repo } = to
      let waiting: Omit<Revision, 'base'> | undefined
      for await (const { id, time, isFinished, hasFailed } of commits(to, options)) {
        if (hasFailed) continue
        const commit = { repo, id }
        if (waiting !== undefined) yield { ...waiting, base: commit }
        waiting = { commit, time, isFinished }
      }
      if (waiting !== undefined) yield { ...waiting, base: undefined }
    },

    async *ids(to, options) {
      for await (const { id } of commits(to, options)) yield id
    },
  }
}

function knownFrom({ commit, parentCommit, error, finishing, started, finished }: CommitInfo): KnownCommit {
  return {
    id: commit.id ?? '',
    parentId: parentCommit?.id,
    time: finishing ?? started ?? new Date(0),
    isFinished: finished !== undefined,
    hasFailed: error !== '',
  }
}
