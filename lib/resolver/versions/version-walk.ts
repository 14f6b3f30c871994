import type { CommitLog } from '../../commits/commit-log.js'
import { mapWithLimit } from '../../concurrency.js'
import type { Branch, CallOptions } from '../../pfs/client.js'
import { recordedVersions } from '../../records/hidden-versions.js'
import type { KeyRecords } from '../../records/record.js'
import type { KeyCodec } from '../key.js'
import type { ChangeLog } from './changes.js'
import type { History, Revision } from './history.js'

/** The version of a key that a commit created. */
export interface KeyVersion {
  readonly commitId: string
  /** PFS's hash in hex; undefined for a delete marker. */
  readonly content: string | undefined
}

/** A version that was found in the history. */
export interface WalkedVersion extends KeyVersion {
  /** The nearest earlier commit that has not failed; undefined for the first commit of the history. */
  readonly baseId: string | undefined
}

/** The start of a walk, and the keys to look for, with their records by path. */
export interface WalkStart {
  readonly branch: Branch
  readonly commitId: string
  readonly keys: ReadonlyMap<string, KeyRecords>
  /** The commit at which the walk ends, exclusive. */
  readonly endId?: string
}

/** Finds the versions of keys, from a commit back. */
export interface VersionWalk {
  /**
   * Calls `visit` with the versions of each key, newest first, until it returns true for the key or the history ends.
   * Returns the paths of the keys for which it has not returned true. Each commit of another process costs some calls;
   * commits of this process that did not change the keys cost none.
   *
   * @throws PfsError as PFS does
   */
  walk(
    start: WalkStart,
    visit: (path: string, version: WalkedVersion) => boolean,
    options: CallOptions,
  ): Promise<ReadonlySet<string>>
}

/** Maximum commits to compare concurrently. */
const maxCommits = 8

/** Maximum commits of this process to look up one by one; for more, the history is read in pages. */
const maxLookups = 3

/** Maximum keys to compare one by one; for more keys, their common directory is compared. */
const maxApart = 8

/** Creates the walk over the versions in one PFS. */
export function createVersionWalk(history: History, keys: KeyCodec, changes: ChangeLog, log: CommitLog): VersionWalk {
  /** The commits, from one back, that may have changed one of `paths`, in batches to compare concurrently. */
  async function* candidates(
    { branch, commitId, endId }: WalkStart,
    paths: ReadonlySet<string>,
    options: CallOptions,
  ): AsyncGenerator<readonly Revision[]> {
    const { repo } = branch
    let id = commitId
    let lookups = 0
    for (let made = log.get(repo, id); made !== undefined && id !== endId; made = log.get(repo, id)) {
      if (intersects(made.paths, paths)) {
        lookups += 1
        if (lookups > maxLookups) break
        const [revision] = await first(history.revisions({ repo, id }, options), 1)
        if (revision?.commit.id === id) yield [revision]
      }
      id = made.parentId
    }
    let group: Revision[] = []
    let size = 1
    if (id === endId) return
    for await (const revision of history.revisions({ repo, id }, options)) {
      if (revision.commit.id === endId) break
      const made = log.get(repo, revision.commit.id)
      if (made !== undefined && !intersects(made.paths, paths)) continue
      group.push(revision)
      if (group.length < size) continue
      yield group
      group = []
      size = Math.min(size * 2, maxCommits)
    }
    yield group
  }

  /** The contents of the keys that a commit changed. */
  async function contentsIn(
    revision: Revision,
    paths: readonly string[],
    recorded: RecordedKeys,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, string | undefined>> {
    const found = new Map<string, string | undefined>()
    const unknown: string[] = []
    const made = log.get(revision.commit.repo, revision.commit.id)
    for (const path of paths) {
      if (made !== undefined && !made.paths.has(path)) continue
      const contents = recorded.get(path)
      if (contents?.has(revision.commit.id)) found.set(path, contents.get(revision.commit.id))
      else unknown.push(path)
    }
    const wanted = new Set(unknown)
    const places = unknown.length <= maxApart ? unknown : [commonDirectory(unknown)]
    for (const place of places) {
      for await (const { key, hash } of changes.read(revision, place, options)) {
        const path = keys.pathFromKey(key)
        if (wanted.has(path)) found.set(path, hash && Buffer.from(hash, 'latin1').toString('hex'))
      }
    }
    return found
  }

  return {
    async walk(start, visit, options) {
      const left = new Set(start.keys.keys())
      if (left.size === 0) return left
      const recorded: RecordedKeys = new Map(
        [...start.keys].map(([path, records]) => [path, recordedVersions(records, start.branch.name)]),
      )
      for await (const group of candidates(start, left, options)) {
        const paths = [...left]
        const found = await mapWithLimit(maxCommits, group, (revision) =>
          contentsIn(revision, paths, recorded, options),
        )
        for (const [index, { commit, base }] of group.entries()) {
          for (const [path, content] of found[index] ?? []) {
            if (left.has(path) && visit(path, { commitId: commit.id, baseId: base?.id, content })) left.delete(path)
          }
        }
        if (left.size === 0) break
      }
      return left
    },
  }
}

type RecordedKeys = ReadonlyMap<string, ReadonlyMap<string, string | undefined>>

async function first<Item>(items: AsyncIterable<Item>, count: number): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) {
    found.push(item)
    if (found.length === count) break
  }
  return found
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a]
  for (const item of small) if (large.has(item)) return true
  return false
}

/** The deepest directory, with its slash, that contains all paths. */
function commonDirectory(paths: readonly string[]): string {
  const [least = '/', ...others] = paths
  let length = least.length
  for (const path of others) {
    let shared = 0
    while (shared < length && path[shared] === least[shared]) shared += 1
    length = shared
  }
  return least.slice(0, least.lastIndexOf('/', Math.max(0, length - 1)) + 1)
}
