import { LRUCache } from 'lru-cache'
import type { CommitQueue } from '../commits/commit-queue.js'
import { mapWithLimit } from '../concurrency.js'
import { noteLookup } from '../diagnostics.js'
import { type BatchedLookup, createBatchedLookup } from '../pfs/batched-lookup.js'
import { type Branch, type CallOptions, headOf, type PfsClient, type Repo } from '../pfs/client.js'
import { unlessMissing } from '../pfs/errors.js'
import { RangeHistory } from '../pfs/path-lookup.js'
import {
  maxRecordBytes,
  type RecordReadOptions,
  type RecordSource,
  readDirectory,
  readRecords,
} from './read-records.js'
import type { ObjectRecord } from './record.js'
import {
  type BranchState,
  type InspectedHead,
  type KeyRecords,
  noRecords,
  type RecordCache,
  type RunningRead,
} from './record-cache.js'
import { directoryOfFiles, parentOf, recordDirectory, recordsBranch } from './record-path.js'

/** Concurrent reads of a batch. */
const maxReads = 8

/** Maximum directories, and repos, of which something is remembered to choose calls. */
const maxDirectories = 10_000
const maxRepos = 256

/** The collaborators of a reader. */
export interface ReaderSources {
  readonly cache: RecordCache
  /** Adds the changes of a key that are not committed yet. */
  readonly applyPending: (repo: Repo, path: string, records: KeyRecords) => KeyRecords
  /** Called with the size in bytes of each record that is read, also of skipped ones. */
  readonly onSize: (repo: Repo, recordPath: string, size: number) => void
  readonly onError: (error: unknown) => void
}

/** Reads records through the cache. Concurrent reads of one key each share calls. */
export class RecordReader {
  readonly #pfs: PfsClient
  readonly #commits: CommitQueue
  readonly #sources: ReaderSources
  readonly #lookup: BatchedLookup<Repo, string, KeyRecords>
  readonly #histories = new LRUCache<string, RangeHistory>({ max: maxRepos })
  /** Directories of which a key was read, and whether they have too many records to be read whole. */
  readonly #directories = new LRUCache<string, 'small' | 'large'>({ max: maxDirectories })

  constructor(pfs: PfsClient, commits: CommitQueue, sources: ReaderSources) {
    this.#pfs = pfs
    this.#commits = commits
    this.#sources = sources
    this.#lookup = createBatchedLookup<Repo, string, KeyRecords>(idOf, async (repo, paths, options) => {
      const readOptions = { isBatch: true, isPending: true } as const
      const found = await this.#readAll(repo, [...new Set(paths)], readOptions, options)
      return (path) => found.get(path) ?? noRecords
    })
  }

  /** The records of a key, including pending changes. */
  async read(repo: Repo, path: string, options: CallOptions): Promise<KeyRecords> {
    const { cache, applyPending } = this.#sources
    const known = cache.current(repo, path)
    return known === undefined
      ? this.#lookup.find(repo, path, options)
      : applyPending(repo, path, noteLookup('records', known))
  }

  /** The records of the keys of a page, including pending changes; without their parts, since each object may have 10,000. */
  readPage(repo: Repo, paths: readonly string[], options: CallOptions): Promise<ReadonlyMap<string, KeyRecords>> {
    return this.#readAll(repo, paths, { shorten: withoutParts, isPending: true }, options)
  }

  /** The stored records of some keys, if they have at most `maxBytes`. */
  readStored(
    repo: Repo,
    paths: readonly string[],
    maxBytes: number,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    return this.#readAll(repo, paths, { maxBytes }, options)
  }

  /** The same at a commit of the records branch. */
  readAt(
    repo: Repo,
    commitId: string,
    paths: readonly string[],
    maxBytes: number,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    const manner = { shorten: whole, maxBytes, onSize: () => undefined }
    return readRecords(this.#sourceOf(repo, commitId, manner, options), paths)
  }

  /** The last known state of the records branch of a repo, from within a second. */
  stateOf(repo: Repo, options: CallOptions): Promise<BranchState> {
    const branch = recordsBranch(repo)
    return this.#sources.cache.branch(repo, () => this.#inspectHead(branch, options))
  }

  async #readAll(
    repo: Repo,
    paths: readonly string[],
    readOptions: ReadOptions,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    const { cache, applyPending } = this.#sources
    let mayReadDirectories = readOptions.isBatch === true && cache.keepsDirectories
    for (;;) {
      const state = await this.stateOf(repo, options)
      const found = new Map<string, KeyRecords>()
      const unknown: string[] = []
      for (const path of paths) {
        const records = noteLookup('records', state.headId === undefined ? noRecords : cache.get(repo, path, state))
        if (records === undefined) unknown.push(path)
        else found.set(path, records)
      }
      if (mayReadDirectories && unknown.length > 0) {
        // Once: a directory changes more often than a few keys.
        mayReadDirectories = false
        if (await this.#readDirectories(repo, state, unknown, options)) continue
      }
      const read = unknown.length === 0 ? noKeys : await this.#readEach(repo, state, unknown, readOptions, options)
      // With a concurrent write, it is unknown which state was read.
      if (read === undefined) continue
      for (const [path, records] of read) found.set(path, records)
      if (readOptions.isPending) for (const [path, records] of found) found.set(path, applyPending(repo, path, records))
      return found
    }
  }

  /** Reads each key; undefined if this gateway has written one of them meanwhile. */
  async #readEach(
    repo: Repo,
    state: BranchState,
    paths: readonly string[],
    { isBatch, shorten = whole, maxBytes = maxRecordBytes }: ReadOptions,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords> | undefined> {
    const { cache } = this.#sources
    const { epoch } = state
    const wanted = new Set(paths)
    const running: RunningRead = { isOf: (path) => wanted.has(path), isOutdated: false }
    state.reads.add(running)
    const shortened = new Set<ObjectRecord>()
    let hasSkipped = false
    const readOptions = {
      maxBytes,
      shorten: (record: ObjectRecord) => {
        const short = shorten(record)
        if (short !== record) shortened.add(short)
        return short
      },
      onSize: (_: string, size: number) => {
        hasSkipped ||= size > maxBytes
      },
      ...(isBatch && { history: this.#historyOf(repo) }),
    }
    try {
      const id = await this.#commitToRead(repo, state, paths.map(recordDirectory), options)
      const read = await readRecords(this.#sourceOf(repo, id, readOptions, options), paths)
      if (running.isOutdated) return undefined
      const found = new Map(paths.map((path) => [path, read.get(path) ?? noRecords]))
      for (const [path, records] of found) {
        const isWhole = [...records.values()].every((record) => !shortened.has(record))
        if (state.epoch === epoch && isWhole && !hasSkipped) cache.set(repo, path, state, records)
      }
      return found
    } finally {
      state.reads.delete(running)
    }
  }

  /**
   * Fills the cache with the whole directories of keys if that is likely to save calls: PFS reads a hundred small records
   * nearly as fast as one. Returns whether it has read any.
   */
  async #readDirectories(
    repo: Repo,
    state: BranchState,
    paths: readonly string[],
    options: CallOptions,
  ): Promise<boolean> {
    const chosen: string[] = []
    for (const [directory, keys] of countsBy(paths, parentOf)) {
      const id = idOf(repo) + directory
      const known = noteLookup('record-directories', this.#directories.get(id))
      this.#directories.set(id, known ?? 'small')
      // A key that is read alone may be the only one.
      if (known !== 'large' && (known === 'small' || keys > 1)) chosen.push(directory)
    }
    const read = await mapWithLimit(maxReads, chosen, (directory) =>
      this.#readDirectory(repo, state, directory, options),
    )
    return read.includes(true)
  }

  async #readDirectory(repo: Repo, state: BranchState, directory: string, options: CallOptions): Promise<boolean> {
    // It is not worth waiting until PFS has finished this gateway's latest commits, which often concern other keys.
    const commitId = this.#readableCommit(repo, state, [directoryOfFiles(directory)])
    if (commitId === undefined) return false
    const { epoch } = state
    const running: RunningRead = { isOf: (path) => parentOf(path) === directory, isOutdated: false }
    state.reads.add(running)
    try {
      const readOptions = { shorten: whole, maxBytes: maxRecordBytes, onSize: () => undefined }
      const records = await readDirectory(this.#sourceOf(repo, commitId, readOptions, options), directory)
      if (records === undefined) this.#directories.set(idOf(repo) + directory, 'large')
      if (records === undefined || running.isOutdated || state.epoch !== epoch) return false
      this.#sources.cache.setDirectory(repo, directory, state, records)
      return true
    } finally {
      state.reads.delete(running)
    }
  }

  /** A commit that PFS has finished, in which the paths are the same as at the head; undefined if PFS must be asked for it. */
  #readableCommit(repo: Repo, { headId, isFinished }: BranchState, paths: readonly string[]): string | undefined {
    if (headId === undefined || isFinished) return headId
    return this.#commits.unchangedSince(recordsBranch(repo), headId, paths)
  }

  async #commitToRead(repo: Repo, state: BranchState, paths: readonly string[], options: CallOptions): Promise<string> {
    return this.#readableCommit(repo, state, paths) ?? this.#commits.commitToRead(recordsBranch(repo), paths, options)
  }

  #sourceOf(
    repo: Repo,
    id: string,
    readOptions: Omit<RecordReadOptions, 'onError'>,
    options: CallOptions,
  ): RecordSource {
    const { onError, onSize } = this.#sources
    const commit = { repo: recordsBranch(repo).repo, id }
    const noted = (recordPath: string, size: number): void => {
      onSize(repo, recordPath, size)
      readOptions.onSize(recordPath, size)
    }
    return { pfs: this.#pfs, commit, readOptions: { ...readOptions, onSize: noted, onError }, options }
  }

  #historyOf(repo: Repo): RangeHistory {
    const history = this.#histories.get(idOf(repo)) ?? new RangeHistory()
    this.#histories.set(idOf(repo), history)
    return history
  }

  async #inspectHead(branch: Branch, options: CallOptions): Promise<InspectedHead | undefined> {
    const info = await unlessMissing(this.#pfs.inspectCommit({ commit: headOf(branch) }, options))
    const { id } = info?.commit ?? {}
    return info && id ? { id, isFinished: info.finished !== undefined && info.error === '' } : undefined
  }
}

interface ReadOptions {
  /** Whether the keys were collected from concurrent reads; otherwise they are those of one caller. */
  readonly isBatch?: true
  /** Whether pending changes are applied. */
  readonly isPending?: true
  readonly shorten?: RecordReadOptions['shorten']
  readonly maxBytes?: number
}

const noKeys: ReadonlyMap<string, KeyRecords> = new Map()
const whole = (record: ObjectRecord): ObjectRecord => record
const withoutParts = (record: ObjectRecord): ObjectRecord =>
  record.parts.length === 0 ? record : { ...record, parts: [] }

function countsBy(paths: readonly string[], nameOf: (path: string) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const path of paths) counts.set(nameOf(path), (counts.get(nameOf(path)) ?? 0) + 1)
  return counts
}

function idOf({ project, name }: Repo): string {
  return `${project}/${name}`
}
