import { LRUCache } from 'lru-cache'
import type { CommitLog } from '../commits/commit-log.js'
import { type PathRange, type Repo, repoId } from '../pfs/client.js'
import { type KeyRecords, noRecords, type ObjectRecord, sizeOfRecord } from './record.js'
import { type ContentId, parentOf, recordDirectory } from './record-path.js'
import { type InspectedHead, RecordsBranch } from './records-branch.js'

/** Maximum repos whose records branch is cached. */
const maxRepos = 1000

/** Minimum size of a cache that keeps ranges of records, in bytes. */
const leastBytesForRanges = 16 * 1024 * 1024

/**
 * Cache of records: the state of each records branch, and the records of each key until another gateway writes records of
 * the repo. The gateway's own writes update the cache.
 */
export class RecordCache {
  /** Whether the cache is large enough to read records before they are needed. */
  readonly keepsRanges: boolean
  readonly #now: () => number
  readonly #commitLog: CommitLog
  readonly #branches = new LRUCache<string, RecordsBranch>({ max: maxRepos })
  readonly #keys: LRUCache<string, { readonly epoch: number; readonly records: KeyRecords }>
  readonly #ranges = new KnownRanges()

  constructor(maxBytes: number, now: () => number, commitLog: CommitLog) {
    this.keepsRanges = maxBytes >= leastBytesForRanges
    this.#now = now
    this.#commitLog = commitLog
    this.#keys = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: ({ records }, id) => sizeOf(id, records),
      dispose: (_, id, reason) => {
        if (reason === 'evict') this.#ranges.forget(parentOf(id))
      },
    })
  }

  /** The records branch of a repo, after a check with `inspect` unless its state is current. */
  async branch(repo: Repo, inspect: () => Promise<InspectedHead | undefined>): Promise<RecordsBranch> {
    const id = repoId(repo)
    const branch = this.#branches.get(id) ?? new RecordsBranch(repo, this.#now, this.#commitLog)
    this.#branches.set(id, branch)
    await branch.refresh(inspect)
    return branch
  }

  /** The records branch of a repo; undefined if it was never read. */
  knownBranch(repo: Repo): RecordsBranch | undefined {
    return this.#branches.get(repoId(repo))
  }

  /** Adds a commit of this gateway, which has written the records of some keys. */
  committed(repo: Repo, headId: string, parentId: string | undefined, paths: ReadonlySet<string>): void {
    this.knownBranch(repo)?.committed(headId, parentId, paths)
  }

  /** The epoch of the records branch of a repo; undefined if it was never read. */
  epochOf(repo: Repo): number | undefined {
    return this.knownBranch(repo)?.epoch
  }

  /** See `RecordsBranch.isUnchanged`. */
  isUnchanged(repo: Repo, epoch: number | undefined, headId: string, parentId: string | undefined): boolean {
    return this.knownBranch(repo)?.isUnchanged(epoch, headId, parentId) ?? false
  }

  /** The records of a key in the epoch of its branch; undefined if they are not cached. */
  get({ repo, epoch }: RecordsBranch, path: string): KeyRecords | undefined {
    const id = `${repoId(repo)}${path}`
    const found = this.#keys.get(id)
    if (found?.epoch === epoch) return found.records
    return this.#ranges.has(parentOf(id), epoch, recordDirectory(path)) ? noRecords : undefined
  }

  /** The records of a key, if they are cached and the state of the branch is current. */
  current(repo: Repo, path: string): KeyRecords | undefined {
    const branch = this.knownBranch(repo)
    if (branch?.isCurrent() !== true) return undefined
    return branch.headId === undefined ? noRecords : this.get(branch, path)
  }

  /** The records of a key, if they are cached. */
  latest(repo: Repo, path: string): KeyRecords | undefined {
    const branch = this.knownBranch(repo)
    return branch && this.get(branch, path)
  }

  /** Adds a record that was written or, if null, deleted, if the other records of its key are cached. */
  put(repo: Repo, path: string, content: ContentId, record: ObjectRecord | null): void {
    const branch = this.knownBranch(repo)
    const records = branch && this.get(branch, path)
    if (branch === undefined || records === undefined) return
    const changed = new Map(records)
    if (record === null) changed.delete(content)
    else changed.set(content, record)
    this.set(branch, path, changed)
  }

  set({ repo, epoch }: RecordsBranch, path: string, records: KeyRecords): void {
    const id = `${repoId(repo)}${path}`
    this.#keys.set(id, { epoch, records })
    // They may be too large for the cache.
    if (!this.#keys.has(id)) this.#ranges.forget(parentOf(id))
  }

  /** Adds all records of a range of record directories, which are of the files in `directory`. */
  setRange(branch: RecordsBranch, directory: string, range: PathRange, records: ReadonlyMap<string, KeyRecords>): void {
    // Before the records: the range is unknown if they evict one another.
    this.#ranges.add(repoId(branch.repo) + directory, branch.epoch, range)
    for (const [path, ofKey] of records) this.set(branch, path, ofKey)
  }

  /** Whether all records of a range are cached. */
  hasRange({ repo, epoch }: RecordsBranch, directory: string, range: PathRange): boolean {
    return this.#ranges.hasRange(repoId(repo) + directory, epoch, range)
  }
}

function sizeOf(id: string, records: KeyRecords): number {
  let size = 200 + id.length
  for (const record of records.values()) size += sizeOfRecord(record)
  return size
}

/** Maximum directories with known ranges, and ranges of a directory. */
const maxDirectories = 10_000
const maxRangesOfDirectory = 64

interface RangesOfDirectory {
  readonly epoch: number
  readonly ranges: readonly PathRange[]
}

/** Ranges of record directories whose records are all cached, by directory of files: other files in them have none. */
class KnownRanges {
  readonly #directories = new LRUCache<string, RangesOfDirectory>({ max: maxDirectories })

  /** Adds a range that is known in an epoch, and forgets those of earlier epochs. */
  add(id: string, epoch: number, range: PathRange): void {
    this.#directories.set(id, { epoch, ranges: joined(this.#rangesOf(id, epoch), range) })
  }

  /** Whether a record directory is in a known range. */
  has(id: string, epoch: number, recordDirectory: string): boolean {
    return this.#rangesOf(id, epoch).some(({ lower, upper }) => lower <= recordDirectory && recordDirectory < upper)
  }

  /** Whether a whole range is known. */
  hasRange(id: string, epoch: number, { lower, upper }: PathRange): boolean {
    return this.#rangesOf(id, epoch).some((known) => known.lower <= lower && upper <= known.upper)
  }

  /** Forgets a directory of which a record is no longer cached. */
  forget(id: string): void {
    this.#directories.delete(id)
  }

  #rangesOf(id: string, epoch: number): readonly PathRange[] {
    const known = this.#directories.get(id)
    return known?.epoch === epoch ? known.ranges : []
  }
}

/** Adds a range to disjoint ones, and joins those that touch it. */
function joined(ranges: readonly PathRange[], { lower, upper }: PathRange): PathRange[] {
  const apart: PathRange[] = []
  for (const each of ranges) {
    if (each.upper < lower || upper < each.lower) apart.push(each)
    else [lower, upper] = [each.lower < lower ? each.lower : lower, each.upper > upper ? each.upper : upper]
  }
  return [...apart, { lower, upper }].slice(-maxRangesOfDirectory)
}
