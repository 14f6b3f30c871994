import { LRUCache } from 'lru-cache'
import { noteLookup } from '../../diagnostics.js'
import { type Branch, type CallOptions, repoId } from '../../pfs/client.js'
import type { History } from './history.js'

/** Decides which commits are in a history: a commit, its parent, its parent's parent, and so on. */
export interface Ancestry {
  /** Whether a commit is in the history of a branch's head; call it only if PFS has just confirmed that both exist. */
  isAncestor(branch: Branch, commitId: string, headId: string, options: CallOptions): Promise<boolean>
  /** The subset of `commitIds` that is in the history of a branch's head, found in one walk. */
  ancestorsAmong(
    branch: Branch,
    commitIds: ReadonlySet<string>,
    headId: string,
    options: CallOptions,
  ): Promise<ReadonlySet<string>>
}

/** Whether a commit is an ancestor of another, which never changes. */
interface Relation {
  readonly headId: string
  readonly isAncestor: boolean
}

/** Maximum cached relations. */
const maxRelations = 20_000

/** Creates the ancestry of all repos. Caches relations, so that only newer commits are read again. */
export function createAncestry(history: History): Ancestry {
  const relations = new LRUCache<string, Relation>({ maxSize: maxRelations, sizeCalculation: () => 1 })

  async function walk(branch: Branch, commitId: string, headId: string, options: CallOptions): Promise<boolean> {
    const { repo } = branch
    const known = relations.get(nameOf(branch, commitId))
    const current = noteLookup('ancestors', known?.headId === headId && known)
    if (current) return current.isAncestor
    for await (const id of history.ids({ repo, id: headId }, options)) {
      if (id === commitId) return true
      if (id === known?.headId) return known?.isAncestor ?? false
    }
    return false
  }

  return {
    async ancestorsAmong(branch, commitIds, headId, options) {
      const [only] = commitIds
      if (only !== undefined && commitIds.size === 1) {
        return (await this.isAncestor(branch, only, headId, options)) ? commitIds : new Set()
      }
      const { repo } = branch
      const found = new Set<string>()
      for await (const id of history.ids({ repo, id: headId }, options)) {
        if (commitIds.has(id)) found.add(id)
        if (found.size === commitIds.size) break
      }
      for (const commitId of found) relations.set(nameOf(branch, commitId), { headId, isAncestor: true })
      return found
    },

    async isAncestor(branch, commitId, headId, options) {
      if (headId === commitId) return true
      const isAncestor = await walk(branch, commitId, headId, options)
      relations.set(nameOf(branch, commitId), { headId, isAncestor })
      return isAncestor
    },
  }
}

function nameOf({ repo, name }: Branch, commitId: string): string {
  return `${repoId(repo)}@${name}=${commitId}`
}
