import type { Branch, CallOptions, FileInfo, PfsClient } from '../pfs/client.js'
import { PfsError, unlessMissing } from '../pfs/errors.js'
import { chunkedHashBytes, smallFileHash } from '../pfs/file-hash.js'
import type { Change } from './change.js'
import { type Head, inspectFinished } from './head.js'

/** What a write has made of a path: nothing, a file of these bytes, or a file of which no more is known here. */
export interface WrittenPath {
  readonly path: string
  readonly content: Uint8Array | 'unknown' | undefined
}

/** What a change makes of its path; the hash of a large file is not to be foretold. */
export function writtenBy({ path, content }: Change): WrittenPath {
  if (content === undefined) return { path, content }
  return { path, content: 'raw' in content && content.raw.length < chunkedHashBytes ? content.raw : 'unknown' }
}

/** Paths by which a commit is recognised. */
const maxProbes = 8

/** Commits among which is looked, at most. */
const maxCandidates = 100

/**
 * The commit that a write has made, where another writer's came between `before` and it, or behind it up to `after`. PFS
 * does not tell: it is the last one without an error in which all is as it was written. Where there is none, the commit is
 * one with an error, which is thrown. Throws INTERNAL where that cannot be told.
 */
export async function findMadeCommit(
  pfs: PfsClient,
  branch: Branch,
  { before, after }: { readonly before: Head; readonly after: Head },
  written: readonly WrittenPath[],
  options: CallOptions,
): Promise<Head> {
  const candidates: Head[] = []
  for (let id: string | undefined = after.commitId; id !== undefined && id !== before.commitId; ) {
    const candidate: Head = await inspectFinished(pfs, branch, id, options)
    candidates.push(candidate)
    id = candidates.length < maxCandidates ? candidate.parentId : undefined
  }
  const sound = candidates.filter(({ error }) => error === '')
  const inspect = (commitId: string, path: string): Promise<FileInfo | undefined> =>
    unlessMissing(pfs.inspectFile({ commit: { repo: branch.repo, id: commitId }, path }, options), 'file')

  const known = written.filter(({ content }) => content !== 'unknown').slice(0, maxProbes)
  const unknown = written.filter(({ content }) => content === 'unknown').slice(0, maxProbes)

  async function holds({ commitId }: Head, { path, content }: WrittenPath): Promise<boolean> {
    const found = await inspect(commitId, path)
    if (found?.fileType !== 'FILE') return content === undefined
    if (content === 'unknown') return true
    return content !== undefined && Buffer.compare(found.hash, await smallFileHash(content)) === 0
  }
  async function changes({ commitId, parentId }: Head, { path }: WrittenPath): Promise<boolean> {
    const found = await inspect(commitId, path)
    const parent = parentId === undefined ? undefined : await inspect(parentId, path)
    return found?.fileType === 'FILE' && (parent === undefined || Buffer.compare(found.hash, parent.hash) !== 0)
  }

  const like = await filter(sound, (candidate) => every(known, (each) => holds(candidate, each)))
  if (known.length > 0 && like[0] !== undefined) return like[0]
  const changed = await filter(like, (candidate) => every(unknown, (each) => changes(candidate, each)))
  if (changed.length === 1 && changed[0] !== undefined) return changed[0]
  const broken = candidates.find(({ error }) => error !== '')
  if (changed.length === 0 && broken !== undefined) throw new PfsError('UNKNOWN', broken.error)
  // Where nobody changed anything, what was written is what was there before.
  const [same] =
    changed.length === 0 ? await filter(like, (candidate) => every(unknown, (each) => holds(candidate, each))) : []
  if (same !== undefined) return same
  throw new PfsError(
    'INTERNAL',
    `which commit a write has made on ${branch.name} cannot be told beside another writer's`,
  )
}

async function filter<Item>(items: readonly Item[], test: (item: Item) => Promise<boolean>): Promise<Item[]> {
  const results = await Promise.all(items.map(test))
  return items.filter((_, index) => results[index])
}

async function every<Item>(items: readonly Item[], test: (item: Item) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (!(await test(item))) return false
  return true
}
