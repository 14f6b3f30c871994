import { LRUCache } from 'lru-cache'
import type { CommitLog } from '../commits/commit-log.js'
import { noteLookup } from '../diagnostics.js'
import type { Repo } from '../pfs/client.js'
import { type KnownRange, KnownRanges } from './known-ranges.js'
import { type ObjectRecord, sizeOfRecord } from './record.js'
import { type ContentId, isMarkerPath, parentOf, recordDirectory } from './record-path.js'

/** All records of one key. */
export type KeyRecords = ReadonlyMap<ContentId, ObjectRecord>

/** Those of a key that has none. */
export const noRecords: KeyRecords = new Map()

/** How long the known head of a records branch is considered current, in milliseconds. */
const headMilliseconds = 1000

/** Maximum repos whose records branch is cached. */
const maxRepos = 1000

/** Maximum cached commits of a user repo. */
const maxSeenCommits = 100

/** Minimum size of a cache that keeps ranges of records, in bytes. */
const leastBytesForRanges = 16 * 1024 * 1024

/** A read of records in progress. */
export interface RunningRead {
  readonly isOf: (path: string) => boolean
  /** Keys of the read that this gateway has written meanwhile. */
  readonly outdated: Set<string>
}

/** The head of a records branch. */
export interface InspectedHead {
  readonly id: string
  /** Whether it can be read without waiting for PFS. */
  readonly isFinished: boolean
}

/** The last known state of the records branch of a repo. */
export interface BranchState {
  /** Undefined if the branch is missing: the repo has no records. */
  headId: string | undefined
  /** Whether the head can be read without waiting for PFS. */
  isFinished: boolean
  /** Changes when another gateway has written records, which makes all cached records stale. */
  epoch: number
  /** The `demands` of the first reads of commits of the user repo, by id. */
  readonly seen: LRUCache<string, number>
  /** The nearest commits of others below this gateway's own commits, by id. */
  readonly origins: LRUCache<string, string>
  /** Branches of the repo without directory markers. */
  readonly markerless: Set<string>
  /** Reads in progress, to detect concurrent writes of this gateway. */
  readonly reads: Set<RunningRead>
  /** When the last check has ended. */
  checkedAt: number
  /** The number of times that a check was demanded, and how many of those the last one has answered: those before it began. */
  demands: number
  answered: number
  checking: Promise<void> | undefined
}

/**
 * Cache of records: the head of each records branch for a second, and the records of each key until another gateway
 * writes to the repo. The gateway's own writes update the cache.
 */
export class RecordCache {
  /** Whether the cache is large enough to read records before they are needed. */
  readonly keepsRanges: boolean
  readonly #now: () => number
  readonly #commitLog: CommitLog
  readonly #branches = new LRUCache<string, BranchState>({ max: maxRepos })
  readonly #keys: LRUCache<string, { readonly epoch: number; readonly records: KeyRecords }>
  readonly #ranges = new KnownRanges()
  #epochs = 0

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

  /** The state of a repo's records branch; calls `inspect` if it is older than a second. */
  async branch(repo: Repo, inspect: () => Promise<InspectedHead | undefined>): Promise<BranchState> {
    const id = idOf(repo)
    let state = this.#branches.get(id)
    if (state === undefined) {
      state = {
        headId: undefined,
        isFinished: false,
        epoch: this.#nextEpoch(),
        seen: new LRUCache({ max: maxSeenCommits }),
        origins: new LRUCache({ max: maxSeenCommits }),
        markerless: new Set(),
        reads: new Set(),
        checkedAt: Number.NEGATIVE_INFINITY,
        demands: 0,
        answered: 0,
        checking: undefined,
      }
      this.#branches.set(id, state)
    }
    const known = state
    if (noteLookup('record-heads', this.#isFresh(known))) return known
    // A check of another caller may fail for that caller's reasons: it left, or its token has expired.
    const { demands } = known
    while (known.checking !== undefined) {
      await known.checking.catch(() => undefined)
      if (this.#isFresh(known, demands)) return known
    }
    known.checking = this.#check(known, inspect).finally(() => {
      known.checking = undefined
    })
    await known.checking
    return known
  }

  /** Whether a state was checked within a second, and since a demand. */
  #isFresh(state: BranchState, demand = state.demands): boolean {
    return state.answered >= demand && this.#now() - state.checkedAt < headMilliseconds
  }

  /** Unique among all states of all branches: a state may be evicted and made again. */
  #nextEpoch(): number {
    this.#epochs += 1
    return this.#epochs
  }

  async #check(state: BranchState, inspect: () => Promise<InspectedHead | undefined>): Promise<void> {
    const { headId: before, demands } = state
    const head = await inspect()
    state.checkedAt = this.#now()
    state.answered = demands
    // If this gateway has committed in the meantime, its commit is newer than the inspected one.
    if (state.headId !== before) return
    // Another gateway has made the new head: what is cached may be stale.
    this.#moveHead(state, head?.id, undefined)
    state.isFinished = head?.isFinished ?? false
  }

  /** Drops everything about a repo. */
  forget(repo: Repo): void {
    const state = this.#branches.get(idOf(repo))
    if (state === undefined) return
    state.epoch = this.#nextEpoch()
    state.headId = undefined
    state.markerless.clear()
    this.expire(repo)
  }

  /** Makes the next read check the branch again; with `ifKnown`, only if the repo is known to have records. */
  expire(repo: Repo, ifKnown = false): void {
    const state = this.#branches.get(idOf(repo))
    if (state === undefined || (ifKnown && state.headId === undefined)) return
    state.demands += 1
  }

  /**
   * Whether a commit of the user repo was first read after the last check of its records branch. Then records that another
   * gateway wrote before that commit may be missing here, or the cached ones may be of a repo of that name that was deleted.
   * If so, the next read checks the branch again. If a record `isKnown`, this gateway's own commits cost no check.
   */
  isBehind(repo: Repo, commitId: string, isKnown: boolean): boolean {
    const state = this.#branches.get(idOf(repo))
    if (state?.headId === undefined) return false
    const id = isKnown ? this.#originOf(repo, state, commitId) : commitId
    const demand = state.seen.get(id)
    if (demand !== undefined) return state.answered < demand
    this.expire(repo)
    state.seen.set(id, state.demands)
    return true
  }

  /** The nearest commit, from one back, that this gateway has not made. */
  #originOf(repo: Repo, { origins }: BranchState, commitId: string): string {
    let id = origins.get(commitId) ?? commitId
    for (let own = this.#commitLog.get(repo, id); own !== undefined; own = this.#commitLog.get(repo, id)) {
      id = origins.get(own.parentId) ?? own.parentId
    }
    if (id !== commitId) origins.set(commitId, id)
    return id
  }

  /** Adds a commit of this gateway; the cache stays valid if the parent is the last known head. */
  committed(repo: Repo, headId: string, parentId: string | undefined, paths: ReadonlySet<string>): void {
    const state = this.#branches.get(idOf(repo))
    if (state === undefined) return
    this.#moveHead(state, headId, parentId)
    if ([...paths].some(isMarkerPath)) state.markerless.clear()
    state.isFinished = false
    for (const path of paths) for (const read of state.reads) if (read.isOf(path)) read.outdated.add(path)
  }

  /** The number of times that another gateway is known to have written records of a repo. */
  epochOf(repo: Repo): number | undefined {
    return this.#branches.get(idOf(repo))?.epoch
  }

  /**
   * Whether no other gateway has written records since an epoch, up to a commit of this gateway that is not added yet. Another
   * commit of this gateway may be the same, since writes share commits.
   */
  isUnchanged(repo: Repo, epoch: number | undefined, headId: string, parentId: string | undefined): boolean {
    const state = this.#branches.get(idOf(repo))
    return state?.epoch === epoch && (state?.headId === parentId || state?.headId === headId)
  }

  get(repo: Repo, path: string, { epoch }: BranchState): KeyRecords | undefined {
    const id = `${idOf(repo)}${path}`
    const found = this.#keys.get(id)
    if (found?.epoch === epoch) return found.records
    return this.#ranges.has(parentOf(id), epoch, recordDirectory(path)) ? noRecords : undefined
  }

  /** The records of a key, if they are cached and the branch was checked within a second. */
  current(repo: Repo, path: string): KeyRecords | undefined {
    const state = this.#branches.get(idOf(repo))
    if (state === undefined || !this.#isFresh(state)) return undefined
    return state.headId === undefined ? noRecords : this.get(repo, path, state)
  }

  /** The records of a key, if they are cached. */
  latest(repo: Repo, path: string): KeyRecords | undefined {
    const state = this.#branches.get(idOf(repo))
    return state && this.get(repo, path, state)
  }

  /** Adds a record that was written or, if null, deleted, if the other records of its key are cached. */
  put(repo: Repo, path: string, content: ContentId, record: ObjectRecord | null): void {
    const state = this.#branches.get(idOf(repo))
    const records = state && this.get(repo, path, state)
    if (state === undefined || records === undefined) return
    const changed = new Map(records)
    if (record === null) changed.delete(content)
    else changed.set(content, record)
    this.set(repo, path, state, changed)
  }

  set(repo: Repo, path: string, { epoch }: BranchState, records: KeyRecords): void {
    const id = `${idOf(repo)}${path}`
    this.#keys.set(id, { epoch, records })
    // They may be too large for the cache.
    if (!this.#keys.has(id)) this.#ranges.forget(parentOf(id))
  }

  /** Adds all records of a range of record directories, which are of files in one directory. */
  setRange(
    repo: Repo,
    directory: string,
    state: BranchState,
    range: KnownRange,
    records: ReadonlyMap<string, KeyRecords>,
  ): void {
    // Before the records: the range is unknown if they evict one another.
    this.#ranges.add(idOf(repo) + directory, state.epoch, range)
    for (const [path, ofKey] of records) this.set(repo, path, state, ofKey)
  }

  /** Whether all records of a range are cached. */
  hasRange(repo: Repo, directory: string, { epoch }: BranchState, range: KnownRange): boolean {
    return this.#ranges.hasRange(idOf(repo) + directory, epoch, range)
  }

  #moveHead(state: BranchState, headId: string | undefined, parentId: string | undefined): void {
    if (state.headId !== headId && state.headId !== parentId) {
      state.epoch = this.#nextEpoch()
      state.markerless.clear()
    }
    state.headId = headId
  }
}

function idOf({ project, name }: Repo): string {
  return `${project}/${name}`
}

function sizeOf(id: string, records: KeyRecords): number {
  let size = 200 + id.length
  for (const record of records.values()) size += sizeOfRecord(record)
  return size
}
