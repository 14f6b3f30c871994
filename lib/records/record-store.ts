import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { CommitLog } from '../commits/commit-log.js'
import type { CommitQueue } from '../commits/commit-queue.js'
import { MetaRepoRefused } from '../commits/meta-branch.js'
import type { Branch, CallOptions, Commit, PfsClient, Repo } from '../pfs/client.js'
import { withTimeLimit } from '../pfs/time-limit.js'
import type { ExpectedPage } from './directory-reader.js'
import { type KeyRecords, noRecords } from './record.js'
import { RecordAccess } from './record-access.js'
import { RecordCache } from './record-cache.js'
import type { RecordChange } from './record-change.js'
import { RecordIndex } from './record-index.js'
import { isMarkerPath, type RecordName } from './record-path.js'
import { RecordReader } from './record-reader.js'
import { longRecordBytes, maxRewrittenBytes, RecordWriter } from './record-writer.js'
import { WriteBehind } from './write-behind.js'

/** Which writes keep a record: all, only those with attributes that PFS cannot store, or none. */
export type RecordMode = 'all' | 'needed' | 'off'

export interface RecordStoreOptions {
  readonly mode: RecordMode
  readonly cacheBytes: number
  /** Called for records that cannot be read, and for write-behind that fails. */
  readonly onError: (error: unknown) => void
  readonly keyFromPath: (path: string) => string
  /** The commits of this gateway. */
  readonly commitLog: CommitLog
  /** The clock, in milliseconds. @default Date.now */
  readonly now?: () => number
}

/** Reads and writes the records of all repos. */
export class RecordStore {
  readonly mode: RecordMode
  readonly #options: RecordStoreOptions
  readonly #cache: RecordCache
  readonly #access: RecordAccess
  readonly #index: RecordIndex
  readonly #reader: RecordReader
  readonly #behind: WriteBehind
  readonly #writer: RecordWriter
  /** Repos without a meta repo that were reported, by message. */
  readonly #refused = new LRUCache<string, true>({ max: 1000 })
  /** Changes that are written together in the next turn of the event loop, by repo and token. */
  readonly #gathered = new Map<string, { readonly changes: RecordChange[]; readonly written: Promise<void> }>()

  constructor(pfs: PfsClient, commits: CommitQueue, options: RecordStoreOptions) {
    this.mode = options.mode
    this.#options = options
    this.#cache = new RecordCache(options.cacheBytes, options.now ?? Date.now, options.commitLog)
    this.#access = new RecordAccess({
      pfs,
      commits,
      cache: this.#cache,
      onSize: (repo, recordPath, size) => {
        if (size > longRecordBytes) this.#writer.noteLong(repo, recordPath)
      },
      onError: options.onError,
    })
    this.#index = new RecordIndex(pfs, commits, this.#access)
    this.#reader = new RecordReader(this.#access, this.#cache, (repo, path, records) =>
      this.#behind.applyTo(repo, path, records),
    )
    this.#writer = new RecordWriter(pfs, commits, {
      cache: this.#cache,
      read: (repo, paths, callOptions) => this.#reader.readStored(repo, paths, maxRewrittenBytes, callOptions),
      readAt: (repo, commitId, paths, callOptions) =>
        this.#reader.readAt(repo, commitId, paths, maxRewrittenBytes, callOptions),
      keyFromPath: options.keyFromPath,
      onError: options.onError,
    })
    this.#behind = new WriteBehind(async (changes, callOptions) => {
      await this.isWritten(this.#writer.writeCurrent(changes, callOptions))
    }, options.onError)
  }

  /**
   * The records of a key, including those pending in the write-behind. Records of other gateways are visible after at most
   * one second; at once, if they tell whether a directory marker exists.
   */
  async read(repo: Repo, path: string, options: CallOptions): Promise<KeyRecords> {
    if (this.mode === 'off') return noRecords
    if (isMarkerPath(path)) this.refreshKnown(repo)
    await this.#behind.expected(repo, [path])
    return this.#reader.read(repo, path, options)
  }

  /**
   * Whether reading the records of a commit's files again may find others, because another gateway wrote them, or deleted the
   * repo and created it again, after this one last checked. Costs no call for a repo without records.
   *
   * @param isKnown Whether all of these files have a record.
   */
  mayHaveMissed(repo: Repo, commitId: string | undefined, isKnown: boolean): boolean {
    return (
      this.mode !== 'off' &&
      commitId !== undefined &&
      (this.#cache.knownBranch(repo)?.isBehind(commitId, isKnown) ?? false)
    )
  }

  /** The records of a key with the writes of this gateway until now, without a call; undefined if they are not cached. */
  known(repo: Repo, path: string): KeyRecords | undefined {
    const records = this.mode === 'off' ? undefined : this.#cache.latest(repo, path)
    return records && this.#behind.applyTo(repo, path, records)
  }

  /** The records of the keys of a page, in few calls; without their parts, since each object may have 10,000. */
  async readPage(repo: Repo, paths: readonly string[], options: CallOptions): Promise<ReadonlyMap<string, KeyRecords>> {
    if (this.mode === 'off') return new Map()
    await this.#behind.expected(repo, paths)
    return this.#reader.readPage(repo, paths, options)
  }

  /** Prepares `readPage` while PFS lists the page. */
  async expectPage(repo: Repo, page: ExpectedPage, options: CallOptions): Promise<void> {
    if (this.mode !== 'off') await this.#reader.expectPage(repo, page, options)
  }

  /**
   * The hidden versions of a branch at or below some paths: sets of commit ids by path. The path of a directory ends with `/`.
   * `hold` is called with the memory of each in bytes, and may throw: anyone who can write to a repo can add any number.
   */
  async hiddenVersions(
    branch: Branch,
    paths: readonly string[],
    hold: (bytes: number) => void,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    return this.mode === 'off' ? new Map() : this.#index.hiddenVersions(branch, paths, hold, options)
  }

  /**
   * The commit of the records branch with the index of a branch's directory markers; undefined if the branch never had a
   * marker.
   */
  async markerCommit(branch: Branch, options: CallOptions): Promise<Commit | undefined> {
    return this.mode === 'off' ? undefined : this.#index.markerCommit(branch, options)
  }

  /**
   * Whether another gateway has written records of a repo since an epoch: before a commit of the repo, or without a commit
   * until now. Costs at most one call, and none for a repo without records.
   */
  async hasMissed(
    repo: Repo,
    commitId: string | undefined,
    epoch: number | undefined,
    options: CallOptions,
  ): Promise<boolean> {
    if (this.mode === 'off') return false
    if (commitId === undefined) this.refreshKnown(repo)
    else this.mayHaveMissed(repo, commitId, false)
    return (await this.#access.branchOf(repo, options)).epoch !== epoch
  }

  /** The epoch of the records of a repo, for `hasMissed`; undefined if they were never read. */
  epochOf(repo: Repo): number | undefined {
    return this.#cache.epochOf(repo)
  }

  /** Like `refresh`, but only for a repo that is known to have records: another one costs one call a second. */
  refreshKnown(repo: Repo): void {
    const branch = this.#cache.knownBranch(repo)
    if (branch?.headId !== undefined) branch.expire()
  }

  /** Makes the next read see everything that other gateways have written so far. */
  refresh(repo: Repo): void {
    this.#cache.knownBranch(repo)?.expire()
  }

  /** Writes records of one repo; resolves after their commit. */
  async write(changes: readonly RecordChange[], options: CallOptions): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    const paths = new Set(changes.map(({ name }) => name.path))
    await this.#behind.expected(first.name.repo, [...paths])
    const names = changes.map(({ name }) => name)
    await this.#behind.settle(names)
    // Pending changes of the same records come first, or they would undo these.
    await this.#behind.writeWith(names, (earlier) => this.#writer.write([...earlier, ...changes], options))
  }

  /** Writes a record in one commit with those of other callers in this turn of the event loop; resolves after the commit. */
  writeTogether(change: RecordChange, options: CallOptions): Promise<void> {
    const id = JSON.stringify([change.name.repo, options.authToken])
    const gathered = this.#gathered.get(id)
    if (gathered !== undefined) {
      gathered.changes.push(change)
      return gathered.written
    }
    const changes = [change]
    const written = nextTurn().then(() => {
      this.#gathered.delete(id)
      // The signal is that of one caller.
      return withTimeLimit(options, (limited) => this.write(changes, limited))
    })
    this.#gathered.set(id, { changes, written })
    return written
  }

  /**
   * Waits for a write of records that may be lost. Resolves to false if the records are not written because the caller may
   * not create the meta repo, which is reported once per repo.
   */
  async isWritten(written: Promise<void>): Promise<boolean> {
    try {
      await written
      return true
    } catch (error) {
      if (!(error instanceof MetaRepoRefused)) throw error
      if (!this.#refused.has(error.message)) this.#options.onError(error)
      this.#refused.set(error.message, true)
      return false
    }
  }

  /** Forgets a repo that was deleted. */
  forget(repo: Repo): void {
    this.#behind.forget(repo)
    this.#cache.knownBranch(repo)?.forget()
  }

  /** Writes a record within a second, in a batch (write-behind). It is lost if the process crashes before that. */
  writeBehind(change: RecordChange, options: CallOptions): void {
    this.#behind.add(change, options)
  }

  /**
   * Makes reads of a key wait for a change that is passed to `writeBehind` once PFS has finished a commit; reads of the
   * head wait for the commit anyway.
   */
  expect({ repo, path }: Pick<RecordName, 'repo' | 'path'>, change: Promise<void>): void {
    this.#behind.expect(repo, path, change)
  }

  /** Writes all pending records; for a process that is about to exit. */
  flush(): Promise<void> {
    return this.#behind.flush()
  }
}
