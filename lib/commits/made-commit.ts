import type { Branch, CallOptions, PfsClient } from '../pfs/client.js'
import { PfsError, unlessMissing } from '../pfs/errors.js'
import { chunkedHashBytes, smallFileHash } from '../pfs/file-hash.js'
import type { Change } from './change.js'
import { type Head, inspectFinished } from './head.js'

/** Paths by which a commit is recognised. */
const maxProbes = 8

/** Commits that are looked at, back from the head. */
const maxCommits = 100

/**
 * Finds the commit that ModifyFile has made for `changes`, which PFS does not tell, if it need not be the only one that
 * was made between `before` and `after`. A commit holds what was written if its files are as written, or, since only
 * pachd knows the hash of a large file, if there is a file:
 *
 *     | commits above `before`                                       | result                              |
 *     | one                                                          | that one                            |
 *     | some hold files of known hashes, or deletions                | the oldest of those                 |
 *     | one holds files of unknown hashes that its parent does not   | that one                            |
 *     | several do                                                   | INTERNAL: they cannot be told apart |
 *     | none does, and PFS found one to be invalid                   | the error of that one               |
 *     | none does, and some hold the files: nothing was different    | the oldest of those                 |
 *     | none holds what was written                                  | INTERNAL                            |
 *
 * @throws PfsError INTERNAL, or UNKNOWN with the error of an invalid commit
 */
export async function findMadeCommit(
  pfs: PfsClient,
  branch: Branch,
  { before, after }: { readonly before: Head; readonly after: Head },
  changes: readonly Change[],
  options: CallOptions,
): Promise<Head> {
  const commits: Head[] = []
  let id = after.state === 'open' ? after.parentId : after.commitId
  while (id !== undefined && id !== before.commitId && commits.length < maxCommits) {
    const commit: Head = await inspectFinished(pfs, branch, id, options)
    commits.unshift(commit)
    id = commit.parentId
  }

  const known = changes.filter(isKnown)
  const probes = (known.length > 0 ? known : changes).slice(0, maxProbes)
  const valid = commits.filter(({ error }) => error === '')
  const invalid = commits.find(({ error }) => error !== '')
  const holding = commits.length === 1 ? valid : await filter(valid, (commit) => every(probes, isHeldBy(commit)))
  const changing = known.length > 0 ? [] : await filter(holding, (commit) => every(probes, isChangedBy(commit)))
  const [made] = changing.length > 0 ? changing : holding
  const isAmbiguous = changing.length > 1
  if (made !== undefined && !isAmbiguous && (known.length > 0 || changing.length > 0 || !invalid)) return made
  if (invalid !== undefined && !isAmbiguous) throw new PfsError('UNKNOWN', invalid.error)
  throw new PfsError('INTERNAL', `the commit of a write on ${branch.name} cannot be told from another writer's`)

  function isHeldBy({ commitId }: Head) {
    return async ({ path, content }: Change): Promise<boolean> => {
      const hash = await inspectHash(commitId, path)
      if (content === undefined || hash === undefined) return content === hash
      return known.length === 0 || !('raw' in content) || isEqual(hash, await smallFileHash(content.raw))
    }
  }

  function isChangedBy({ commitId, parentId = '' }: Head) {
    return async ({ path }: Change): Promise<boolean> =>
      !isEqual(await inspectHash(commitId, path), await inspectHash(parentId, path))
  }

  async function inspectHash(commitId: string, path: string): Promise<Uint8Array | undefined> {
    const file = { commit: { repo: branch.repo, id: commitId }, path }
    const info = await unlessMissing(pfs.inspectFile(file, options), 'file')
    return info?.fileType === 'FILE' ? info.hash : undefined
  }
}

/** Whether it is known here what a change makes of its path; the hash of a large file depends on pachd's chunks. */
function isKnown({ content }: Change): boolean {
  return content === undefined || ('raw' in content && content.raw.length < chunkedHashBytes)
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
}

async function filter<Item>(items: readonly Item[], test: (item: Item) => Promise<boolean>): Promise<Item[]> {
  const results = await Promise.all(items.map(test))
  return items.filter((_, index) => results[index])
}

async function every<Item>(items: readonly Item[], test: (item: Item) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (!(await test(item))) return false
  return true
}
