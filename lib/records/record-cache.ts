import { LRUCache } from 'lru-cache'
import type { CommitLog } from '../commits/commit-log.js'
import type { Repo } from '../pfs/client.js'
import { isMarkerPath } from './markers.js'
import type { ObjectRecord } from './record.js'
import type { ContentId } from './record-path.js'

/** All records of one key. */
export type KeyRecords = ReadonlyMap<ContentId, ObjectRecord>

/** How long the known head of a records branch is considered current, in milliseconds. */
const headMilliseconds = 1000

/** Maximum repos whose records branch is cached. */
const maxRepos = 1000

/** Maximum cached commits of a user repo. */
const maxSeenCommits = 100

/** A read of records in progress; it is outdated once this gateway has written one of its keys. */
export interface RunningRead {
  readonly paths: ReadonlySet<string>
  isOutdated: boolean
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
  /** When commits of the user repo were first read here, by id. */
  readonly seen: LRUCache<string, number>
  /** Branches of the repo without directory markers. */
  readonly markerless: Set<string>
  /** Reads in progress, to detect concurrent writes of this gateway. */
  readonly reads: Set<RunningRead>
  checkedAt: number
  checking: Promise<void> | undefined
}

/**
 * Cache of records: the head of each records branch for a second, and the records of each key until another gateway
 * writes to the repo. The gateway's own writes update the cache.
 */
export class RecordCache {
  readonly #now: () => number
  readonly #commitLog: CommitLog
  readonly #branches = new LRUCache<string, BranchState>({ max: maxRepos })
  readonly #keys: LRUCache<string, { readonly epoch: number; readonly records: KeyRecords }>

  constructor(maxBytes: number, now: () => number, commitLog: CommitLog) {
    this.#now = now
    this.#commitLog = commitLog
    this.#keys = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: ({ records }, id) => sizeOf(id, records),
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
        epoch: 0,
        seen: new LRUCache({ max: maxSeenCommits }),
        markerless: new Set(),
        reads: new Set(),
        checkedAt: Number.NEGATIVE_INFINITY,
        checking: undefined,
      }
      this.#branches.set(id, state)
    }
    const known = state
    if (this.#now() - known.checkedAt < headMilliseconds) return known
    // A check of another caller may fail for that caller's reasons: it left, or its token has expired.
    while (known.checking !== undefined) await known.checking.catch(() => undefined)
    if (this.#now() - known.checkedAt < headMilliseconds) return known
    known.checking = this.#check(known, inspect).finally(() => {
      known.checking = undefined
    })
    await known.checking
    return known
  }

  async #check(state: BranchState, inspect: () => Promise<InspectedHead | undefined>): Promise<void> {
    const before = state.headId
    const head = await inspect()
    state.checkedAt = this.#now()
    // If this gateway has committed in the meantime, its commit is newer than the inspected one.
    if (state.headId !== before) return
    // Another gateway has made the new head: what is cached may be stale.
    moveHead(state, head?.id, undefined)
    state.isFinished = head?.isFinished ?? false
  }

  /** Drops everything about a repo. */
  forget(repo: Repo): void {
    const state = this.#branches.get(idOf(repo))
    if (state === undefined) return
    state.epoch += 1
    state.headId = undefined
    state.markerless.clear()
    this.expire(repo)
  }

  /** Makes the next read check the branch again. */
  expire(repo: Repo): void {
    const state = this.#branches.get(idOf(repo))
    if (state !== undefined) state.checkedAt = Number.NEGATIVE_INFINITY
  }

  /**
   * Whether another writer's commit of the user repo was first read after the last check of its records branch. Then records
   * that another gateway wrote before that commit may be missing here, or the cached ones may be of a repo of that name that
   * was deleted. If so, the next read checks the branch again.
   */
  isBehind(repo: Repo, commitId: string): boolean {
    const state = this.#branches.get(idOf(repo))
    if (state?.headId === undefined) return false
    // This gateway knows the records of its own commits, but not those of the commit below them.
    let id = commitId
    while (!state.seen.has(id)) {
      const own = this.#commitLog.get(repo, id)
      if (own === undefined) break
      id = own.parentId
    }
    const seenAt = state.seen.get(id)
    state.seen.set(commitId, seenAt ?? this.#now())
    state.seen.set(id, seenAt ?? this.#now())
    if (seenAt !== undefined && state.checkedAt > seenAt) return false
    this.expire(repo)
    return true
  }

  /** Adds a commit of this gateway; the cache stays valid if the parent is the last known head. */
  committed(repo: Repo, headId: string, parentId: string | undefined, paths: ReadonlySet<string>): void {
    const state = this.#branches.get(idOf(repo))
    if (state === undefined) return
    moveHead(state, headId, parentId)
    if ([...paths].some(isMarkerPath)) state.markerless.clear()
    state.isFinished = false
    for (const path of paths) for (const read of state.reads) if (read.paths.has(path)) read.isOutdated = true
  }

  get(repo: Repo, path: string, { epoch }: BranchState): KeyRecords | undefined {
    const found = this.#keys.get(`${idOf(repo)}${path}`)
    return found?.epoch === epoch ? found.records : undefined
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
    this.#keys.set(`${idOf(repo)}${path}`, { epoch, records })
  }
}

function moveHead(state: BranchState, headId: string | undefined, parentId: string | undefined): void {
  if (state.headId !== headId && state.headId !== parentId) {
    state.epoch += 1
    state.markerless.clear()
  }
  state.headId = headId
}

function idOf({ project, name }: Repo): string {
  return `${project}/${name}`
}

function sizeOf(id: string, records: KeyRecords): number {
  let size = 200 + id.length
  for (const record of records.values()) size += sizeOfRecord(record)
  return size
}

/** Approximate memory of a record, in bytes. */
export function sizeOfRecord(record: ObjectRecord): number {
  const { parts, ...others } = record
  return 500 + JSON.stringify(others).length + 200 * parts.length
}
