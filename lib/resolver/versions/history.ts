import { LRUCache } from 'lru-cache'
import { noteLookup } from '../../diagnostics.js'
import type { Branch, CallOptions, Commit, CommitInfo, PfsClient } from '../../pfs/client.js'

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
export function createAncestry(pfs: PfsClient): Ancestry {
  const relations = new LRUCache<string, Relation>({ max: maxRelations })

  async function walk(branch: Branch, commitId: string, headId: string, options: CallOptions): Promise<boolean> {
    const { repo } = branch
    const known = relations.get(nameOf(branch, commitId))
    const current = noteLookup('ancestors', known?.headId === headId && known)
    if (current) return current.isAncestor
    for await (const { commit } of pfs.listCommit({ repo, to: { repo, id: headId } }, options)) {
      if (commit.id === commitId) return true
      if (commit.id === known?.headId) return known?.isAncestor ?? false
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
      for await (const { commit } of pfs.listCommit({ repo, to: { repo, id: headId } }, options)) {
        if (commit.id !== undefined && commitIds.has(commit.id)) found.add(commit.id)
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
  return `${repo.project}/${repo.name}@${name}=${commitId}`
}

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

/**
 * The commits of a history, newest first, without those in error: the next commit drops their content, so they contain no
 * versions.
 */
export async function readHistory(pfs: PfsClient, to: Commit, options: CallOptions): Promise<Revision[]> {
  const revisions: Revision[] = []
  for await (const revision of revisionsOf(pfs.listCommit({ repo: to.repo, to }, options))) revisions.push(revision)
  return revisions
}

/** The first page of a history that is read in pages, and the largest; a commit costs PFS some ten milliseconds. */
const firstPage = 3
const largestPage = 400

/** The same, one by one: for a reader that mostly wants the first few. */
export function revisionsFrom(
  pfs: PfsClient,
  to: Commit & { readonly id: string },
  options: CallOptions,
): AsyncGenerator<Revision> {
  async function* infos(): AsyncGenerator<CommitInfo> {
    const { repo } = to
    let last = to.id
    for (let number = firstPage; ; number = Math.min(number * 4, largestPage)) {
      const page: CommitInfo[] = []
      for await (const info of pfs.listCommit({ repo, to: { repo, id: last }, number }, options)) page.push(info)
      // A page begins with the commit that ended the one before.
      yield* number === firstPage ? page : page.slice(1)
      if (page.length < number) return
      last = page.at(-1)?.commit.id ?? ''
    }
  }
  return revisionsOf(infos())
}

async function* revisionsOf(infos: AsyncIterable<CommitInfo>): AsyncGenerator<Revision> {
  let waiting: Omit<Revision, 'base'> | undefined
  for await (const { commit, error, finishing, started, finished } of infos) {
    if (error !== '') continue
    const sound = { repo: commit.repo, id: commit.id ?? '' }
    if (waiting !== undefined) yield { ...waiting, base: sound }
    const time = finishing ?? started ?? new Date(0)
    waiting = { commit: sound, time, isFinished: finished !== undefined }
  }
  if (waiting !== undefined) yield { ...waiting, base: undefined }
}
