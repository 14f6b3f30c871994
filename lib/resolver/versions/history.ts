import type { Branch, CallOptions, Commit, CommitInfo, PfsClient } from '../../pfs/client.js'
import { createRecentMap } from '../../recent-map.js'

/** Which commits are of whose history: a commit, its parent, the parent of that, and so on. */
export interface Ancestry {
  /** Whether a commit is in the history of a branch's head; ask only where PFS has just shown both. */
  isAncestor(branch: Branch, commitId: string, headId: string, options: CallOptions): Promise<boolean>
}

/** What is known of a commit: whether it is an ancestor of another, which never changes. */
interface Relation {
  readonly headId: string
  readonly isAncestor: boolean
}

/** Most commits whose relation to a head is remembered. */
const maxRelations = 20_000

/** The ancestry of all repos; what has been found out is remembered, and only what is newer is walked again. */
export function createAncestry(pfs: PfsClient): Ancestry {
  const relations = createRecentMap<Relation>(maxRelations, () => 1)

  async function walk(branch: Branch, commitId: string, headId: string, options: CallOptions): Promise<boolean> {
    const { repo } = branch
    const known = relations.get(nameOf(branch, commitId))
    if (known?.headId === headId) return known.isAncestor
    for await (const { commit } of pfs.listCommit({ repo, to: { repo, id: headId } }, options)) {
      if (commit.id === commitId) return true
      if (commit.id === known?.headId) return known?.isAncestor ?? false
    }
    return false
  }

  return {
    async isAncestor(branch, commitId, headId, options) {
      if (headId === commitId) return true
      const isAncestor = await walk(branch, commitId, headId, options)
      relations.set(nameOf(branch, commitId), { headId, isAncestor })
      return isAncestor
    },
  }
}

function nameOf({ repo, name }: Branch, commitId: string): string {
  return `${repo.project}/${repo.name}@${name}=${commitId}`
}

/** A commit of a history, with what it is compared with to see what it changed. */
export interface Revision {
  readonly commit: Commit & { readonly id: string }
  /** The nearest commit before it that is not in error; undefined where none is. */
  readonly base: (Commit & { readonly id: string }) | undefined
  /** When it was closed, or while it is open when it was started. */
  readonly time: Date
  /** Whether what it changed can no longer change. */
  readonly isFinished: boolean
}

/**
 * The commits of a history, newest first. One in error is left out: the commit after it drops what it held, so that none
 * of it is a version of anything.
 */
export async function readHistory(pfs: PfsClient, to: Commit, options: CallOptions): Promise<Revision[]> {
  const { repo } = to
  const infos: CommitInfo[] = []
  for await (const info of pfs.listCommit({ repo, to }, options)) {
    if (info.error === '') infos.push(info)
  }
  const commits = infos.map(({ commit }) => ({ repo, id: commit.id ?? '' }))
  return infos.flatMap(({ finishing, started, finished }, index) => {
    const commit = commits[index]
    if (commit === undefined) return []
    const time = finishing ?? started ?? new Date(0)
    return { commit, base: commits[index + 1], time, isFinished: finished !== undefined }
  })
}
