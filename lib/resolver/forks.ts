import { LRUCache } from 'lru-cache'
import { noteLookup } from '../diagnostics.js'
import { type Branch, type CallOptions, type Commit, type PfsClient, repoId } from '../pfs/client.js'
import { withTimeLimit } from '../pfs/time-limit.js'

/** Finds out which commits a branch has inherited: it may start at a commit of another branch, or have been moved to one. */
export interface Forks {
  /**
   * The time of the newest commit of the branch `from` in the history of a branch's head; undefined if the search finds
   * none: it reads at most 100 commits of each branch. Call it only if PFS has just confirmed that the caller may read the repo.
   */
  inheritedUntil(branch: Branch, headId: string, from: string, options: CallOptions): Promise<Date | undefined>
}

/** The newest commit of another branch in a history. */
interface ForkPoint {
  readonly branch: string
  readonly commitId: string
  readonly time: Date
}

/** Maximum commits of a branch to read, and those of the first call: each costs PFS some ten milliseconds, but only once. */
const maxCommits = 100
const firstCommits = 4

/** Maximum cached fork points, branches whose last head is cached, and forks of forks. */
const maxPoints = 10_000
const maxBranches = 1000
const maxForks = 16

/** Creates the forks of all repos. Caches fork points, so that only newer commits are read again. */
export function createForks(pfs: PfsClient): Forks {
  /** By branch and commit; a commit keeps its fork point. */
  const points = new LRUCache<string, { readonly point: ForkPoint | undefined }>({ max: maxPoints })
  const heads = new LRUCache<string, string>({ max: maxBranches })
  const running = new Map<string, Promise<ForkPoint | undefined>>()

  /** Concurrent reads share a walk, which no client can cancel. */
  function findPoint(branch: Branch, commitId: string, options: CallOptions): Promise<ForkPoint | undefined> {
    const name = nameOf(branch, commitId)
    const known = noteLookup('forks', points.get(name))
    if (known !== undefined) return Promise.resolve(known.point)
    const find = async (limited: CallOptions): Promise<ForkPoint | undefined> => {
      const point = await walkToPoint(branch, commitId, limited)
      points.set(name, { point })
      return point
    }
    const walk = running.get(name) ?? withTimeLimit(options, find).finally(() => running.delete(name))
    running.set(name, walk)
    return walk
  }

  async function walkToPoint(branch: Branch, commitId: string, options: CallOptions): Promise<ForkPoint | undefined> {
    const { repo } = branch
    const lastHead = heads.get(nameOf(branch))
    let child: { readonly id: string; readonly time: Date } | undefined
    let next: Commit | undefined = { repo, id: commitId }
    for (let left = maxCommits, number = firstCommits; next !== undefined && left > 0; number = left) {
      const to: Commit = next
      next = undefined
      for await (const info of pfs.listCommit({ repo, to, number }, options)) {
        const { commit, parentCommit, childCommits, finishing, started = new Date(0) } = info
        // A commit does not name its branch; its parent does.
        const owner = childCommits.find(({ id }) => id === child?.id)?.branch
        if (child !== undefined && owner !== branch.name)
          return owner === undefined ? undefined : { branch: owner, commitId: child.id, time: child.time }
        const known = commit.id === lastHead ? points.get(nameOf(branch, lastHead)) : undefined
        if (known !== undefined) return known.point
        child = { id: commit.id ?? '', time: finishing ?? started }
        next = parentCommit
        left -= 1
      }
    }
    return undefined
  }

  return {
    async inheritedUntil(branch, headId, from, options) {
      const { repo } = branch
      let point = await findPoint(branch, headId, options)
      heads.set(nameOf(branch), headId)
      for (let forks = 1; point !== undefined && point.branch !== from && forks < maxForks; forks += 1) {
        point = await findPoint({ repo, name: point.branch }, point.commitId, options)
      }
      return point?.branch === from ? point.time : undefined
    },
  }
}

function nameOf({ repo, name }: Branch, commitId = ''): string {
  return `${repoId(repo)}@${name}=${commitId}`
}
