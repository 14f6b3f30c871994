import { buffer } from 'node:stream/consumers'
import type { Branch, CallOptions, FileInfo, PfsClient } from '../pfs/client.js'
import { PfsError, unlessMissing } from '../pfs/errors.js'
import { chunkedHashBytes, smallFileHash } from '../pfs/file-hash.js'
import { readFile } from '../pfs/path.js'
import type { Change } from './change.js'
import { type Head, inspectFinished } from './head.js'

/** Maximum paths to compare per commit. */
const maxProbes = 8

/** Maximum commits to examine, back from the head. */
const maxCommits = 100

/**
 * Finds the commit that ModifyFile has made for `changes`, if others were made between `before` and `after`: PFS does not
 * return its id. A commit matches if its files are as written, or end with what was appended. The hash of a large file
 * depends on pachd's chunking and is unknown here; such a file matches if it exists:
 *
 *     | commits above `before`                                       | result                              |
 *     | one                                                          | that one                            |
 *     | some match in files of known content, or in deletions        | the oldest of those                 |
 *     | one has files of unknown hashes that its parent has not      | that one                            |
 *     | several have                                                 | INTERNAL: they are indistinguishable |
 *     | none has, and PFS found one to be invalid                    | the error of that one               |
 *     | none has, but some have the files: the write changed nothing | the oldest of those                 |
 *     | none matches                                                 | INTERNAL                            |
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
  throw new PfsError(
    'INTERNAL',
    `the commit of a write to ${branch.name} cannot be distinguished from another writer's`,
  )

  function isHeldBy({ commitId }: Head) {
    return async ({ path, content }: Change): Promise<boolean> => {
      if (content !== undefined && 'raw' in content && content.isAppended === true) {
        return endsWith(commitId, path, content.raw)
      }
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
    return (await inspect(commitId, path))?.hash
  }

  async function inspect(commitId: string, path: string): Promise<FileInfo | undefined> {
    const file = { commit: { repo: branch.repo, id: commitId }, path }
    const info = await unlessMissing(pfs.inspectFile(file, options), 'file')
    return info?.fileType === 'FILE' ? info : undefined
  }

  async function endsWith(commitId: string, path: string, end: Uint8Array): Promise<boolean> {
    const info = await inspect(commitId, path)
    const offset = (info?.sizeBytes ?? 0) - end.length
    if (info === undefined || offset < 0) return false
    return (await buffer(readFile(pfs, info.file, { offset }, options))).equals(end)
  }
}

/** Whether the result of a change can be recognized here; the hash of a large file depends on pachd's chunking. */
function isKnown({ content }: Change): boolean {
  if (content === undefined) return true
  return 'raw' in content && (content.isAppended === true || content.raw.length < chunkedHashBytes)
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
