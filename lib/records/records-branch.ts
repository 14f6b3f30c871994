import { LRUCache } from 'lru-cache'
import type { CommitLog } from '../commits/commit-log.js'
import { noteLookup } from '../diagnostics.js'
import type { Repo } from '../pfs/client.js'
import { isMarkerPath } from './record-path.js'

/** How long the known head of a records branch is considered current, in milliseconds. */
const headMilliseconds = 1000

/** Maximum cached commits of a user repo. */
const maxSeenCommits = 100

/** The head of a records branch, as PFS returns it. */
export interface InspectedHead {
  readonly id: string
  /** Whether it can be read without waiting for PFS. */
  readonly isFinished: boolean
}

/** A read of records in progress. */
interface RunningRead {
  readonly isOf: (path: string) => boolean
  /** Keys of the read that this gateway has written meanwhile. */
  readonly outdated: Set<string>
}

/**
 * The last known state of the records branch of a repo. It is current for a second, unless it is *expired* before that.
 * Each head that another gateway has made begins an *epoch*, in which records that were cached before are stale.
 */
export class RecordsBranch {
  /** The user repo. */
  readonly repo: Repo
  /** Branches of the repo without directory markers in this epoch. */
  readonly markerless = new Set<string>()
  readonly #now: () => number
  readonly #commitLog: CommitLog
  #headId: string | undefined
  #isFinished = false
  #epoch = RecordsBranch.#nextEpoch()
  readonly #reads = new Set<RunningRead>()
  /** The time of the last check, and the check that is running. */
  #checkedAt = Number.NEGATIVE_INFINITY
  #checking: Promise<void> | undefined
  /** The number of times that the state was expired, and how many of those came before the last check began. */
  #expirations = 0
  #answered = 0
  /** The `#expirations` that answer the first reads of commits of the user repo, by commit id. */
  readonly #seen = new LRUCache<string, number>({ max: maxSeenCommits })
  /** The nearest commits of others below this gateway's own commits of the user repo, by commit id. */
  readonly #origins = new LRUCache<string, string>({ max: maxSeenCommits })

  static #epochs = 0

  constructor(repo: Repo, now: () => number, commitLog: CommitLog) {
    this.repo = repo
    this.#now = now
    this.#commitLog = commitLog
  }

  /** Unique among all repos: the state of a repo may be evicted and created again. */
  static #nextEpoch(): number {
    RecordsBranch.#epochs += 1
    return RecordsBranch.#epochs
  }

  /** Undefined if the branch is missing: the repo has no records. */
  get headId(): string | undefined {
    return this.#headId
  }

  /** Whether the head can be read without waiting for PFS. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Whether the state was checked within a second, and since it was expired. */
  isCurrent(expirations = this.#expirations): boolean {
    return this.#answered >= expirations && this.#now() - this.#checkedAt < headMilliseconds
  }

  /** Checks the state with `inspect` unless it is current. Concurrent callers share a check. */
  async refresh(inspect: () => Promise<InspectedHead | undefined>): Promise<void> {
    if (noteLookup('record-heads', this.isCurrent())) return
    const expirations = this.#expirations
    while (this.#checking !== undefined) {
      // A check of another caller may fail for that caller's reasons: it left, or its token has expired.
      await this.#checking.catch(() => undefined)
      if (this.isCurrent(expirations)) return
    }
    this.#checking = this.#check(inspect).finally(() => {
      this.#checking = undefined
    })
    await this.#checking
  }

  async #check(inspect: () => Promise<InspectedHead | undefined>): Promise<void> {
    const before = this.#headId
    const expirations = this.#expirations
    const head = await inspect()
    this.#checkedAt = this.#now()
    this.#answered = expirations
    // If this gateway has committed in the meantime, its commit is newer than the inspected one.
    if (this.#headId !== before) return
    this.#moveTo(head?.id, undefined)
    this.#isFinished = head?.isFinished ?? false
  }

  /** Makes the next read check the state. */
  expire(): void {
    this.#expirations += 1
  }

  /** Forgets the head of a branch that was deleted. */
  forget(): void {
    this.#beginEpoch()
    this.#headId = undefined
    this.expire()
  }

  /** Adds a commit of this gateway; the epoch continues if its parent is the last known head. */
  committed(headId: string, parentId: string | undefined, paths: ReadonlySet<string>): void {
    this.#moveTo(headId, parentId)
    this.#isFinished = false
    if ([...paths].some(isMarkerPath)) this.markerless.clear()
    for (const path of paths) for (const read of this.#reads) if (read.isOf(path)) read.outdated.add(path)
  }

  /**
   * Whether no other gateway has written records since an epoch, up to a commit of this gateway that is not added yet. Another
   * commit of this gateway may be the same, since writes share commits.
   */
  isUnchanged(epoch: number | undefined, headId: string, parentId: string | undefined): boolean {
    return this.#epoch === epoch && (this.#headId === parentId || this.#headId === headId)
  }

  /** Runs a read of records; the keys among `isOf` that this gateway writes meanwhile are in `outdated` at its end. */
  async whileReading<Result>(
    isOf: (path: string) => boolean,
    read: (outdated: ReadonlySet<string>) => Promise<Result>,
  ): Promise<Result> {
    const running: RunningRead = { isOf, outdated: new Set() }
    this.#reads.add(running)
    try {
      return await read(running.outdated)
    } finally {
      this.#reads.delete(running)
    }
  }

  /**
   * Whether a commit of the user repo was first read after the last check. Then records that another gateway wrote before that
   * commit may be missing here, or the cached ones may be of a repo of that name that was deleted. If so, expires the state. If
   * a record `isKnown`, this gateway's own commits cost no check.
   */
  isBehind(commitId: string, isKnown: boolean): boolean {
    if (this.#headId === undefined) return false
    const id = isKnown ? this.#originOf(commitId) : commitId
    const answeredBy = this.#seen.get(id)
    if (answeredBy !== undefined) return this.#answered < answeredBy
    this.expire()
    this.#seen.set(id, this.#expirations)
    return true
  }

  /** The nearest commit, from one back, that this gateway has not made. */
  #originOf(commitId: string): string {
    let id = this.#origins.get(commitId) ?? commitId
    for (let own = this.#commitLog.get(this.repo, id); own !== undefined; own = this.#commitLog.get(this.repo, id)) {
      id = this.#origins.get(own.parentId) ?? own.parentId
    }
    if (id !== commitId) this.#origins.set(commitId, id)
    return id
  }

  #moveTo(headId: string | undefined, parentId: string | undefined): void {
    if (this.#headId !== headId && this.#headId !== parentId) this.#beginEpoch()
    this.#headId = headId
  }

  #beginEpoch(): void {
    this.#epoch = RecordsBranch.#nextEpoch()
    this.markerless.clear()
  }
}
