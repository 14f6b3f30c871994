import { noteLookup } from '../diagnostics.js'
import { type BatchedLookup, createBatchedLookup } from '../pfs/batched-lookup.js'
import { type CallOptions, type Repo, repoId } from '../pfs/client.js'
import { RangeHistories } from '../pfs/path-lookup.js'
import { DirectoryReader, type ExpectedPage } from './directory-reader.js'
import { maxRecordBytes, type RecordReadOptions, readRecords } from './read-records.js'
import { descriptionsOf, type KeyRecords, noRecords, type ObjectRecord, withoutParts } from './record.js'
import type { RecordAccess } from './record-access.js'
import type { RecordCache } from './record-cache.js'
import { recordDirectory } from './record-path.js'
import type { RecordsBranch } from './records-branch.js'

/** Maximum repos whose range history is cached. */
const maxRepos = 256

/** Adds the changes of a key that are not committed yet. */
type ApplyPending = (repo: Repo, path: string, records: KeyRecords) => KeyRecords

/** Reads records through the cache. Concurrent reads of one key each share calls. */
export class RecordReader {
  readonly #access: RecordAccess
  readonly #cache: RecordCache
  readonly #applyPending: ApplyPending
  readonly #directories: DirectoryReader
  readonly #lookup: BatchedLookup<Repo, string, KeyRecords>
  readonly #histories = new RangeHistories(maxRepos)

  constructor(access: RecordAccess, cache: RecordCache, applyPending: ApplyPending) {
    this.#access = access
    this.#cache = cache
    this.#applyPending = applyPending
    this.#directories = new DirectoryReader(access, cache)
    this.#lookup = createBatchedLookup<Repo, string, KeyRecords>(repoId, async (repo, paths, options) => {
      const readOptions = { isBatch: true, isPending: true } as const
      const found = await this.#readAll(repo, [...new Set(paths)], readOptions, options)
      return (path) => found.get(path) ?? noRecords
    })
  }

  /** The records of a key, including pending changes. */
  async read(repo: Repo, path: string, options: CallOptions): Promise<KeyRecords> {
    const known = this.#cache.current(repo, path)
    return known === undefined
      ? this.#lookup.find(repo, path, options)
      : this.#applyPending(repo, path, noteLookup('records', known))
  }

  /** The records of the keys of a page, including pending changes; without their parts, since each object may have 10,000. */
  readPage(repo: Repo, paths: readonly string[], options: CallOptions): Promise<ReadonlyMap<string, KeyRecords>> {
    return this.#readAll(repo, paths, { shorten: withoutAllParts, isPending: true }, options)
  }

  /** Prepares `readPage` while PFS lists the page. */
  expectPage(repo: Repo, page: ExpectedPage, options: CallOptions): Promise<void> {
    return this.#access.whileThere(repo, () => this.#directories.expectPage(repo, page, options))
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

  /** The records of some keys at a commit of the records branch, if they have at most `maxBytes`. */
  readAt(
    repo: Repo,
    commitId: string,
    paths: readonly string[],
    maxBytes: number,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    const readOptions = { shorten: whole, maxBytes }
    return readRecords(this.#access.sourceOf(repo, commitId, readOptions, options), paths)
  }

  #readAll(
    repo: Repo,
    paths: readonly string[],
    readOptions: ReadOptions,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    return this.#access.whileThere(repo, () => this.#readCurrent(repo, paths, readOptions, options))
  }

  async #readCurrent(
    repo: Repo,
    paths: readonly string[],
    readOptions: ReadOptions,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    let mayReadDirectories = readOptions.isBatch === true
    const found = new Map<string, KeyRecords>()
    // Pending changes are applied at once: they may be committed while other keys are read.
    const add = (path: string, records: KeyRecords): void => {
      found.set(path, readOptions.isPending ? this.#applyPending(repo, path, records) : records)
    }
    for (let left = paths; ; left = left.filter((path) => !found.has(path))) {
      const branch = await this.#access.branchOf(repo, options)
      const unknown: string[] = []
      for (const path of left) {
        const known = branch.headId === undefined ? noRecords : this.#cache.get(branch, path)
        const records = noteLookup('records', known)
        if (records === undefined) unknown.push(path)
        else add(path, records)
      }
      if (unknown.length === 0) return found
      if (mayReadDirectories) {
        // Once: a directory changes more often than a few keys.
        mayReadDirectories = false
        if (await this.#directories.readDirectories(branch, unknown, options)) continue
      }
      // With a concurrent write of a key, it is unknown which state was read.
      const read = await this.#readEach(branch, unknown, readOptions, options)
      for (const [path, records] of read) add(path, records)
      if (read.size === unknown.length) return found
    }
  }

  /** Reads each key, without those that this gateway has written meanwhile. */
  async #readEach(
    branch: RecordsBranch,
    paths: readonly string[],
    { isBatch, shorten = whole, maxBytes = maxRecordBytes }: ReadOptions,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    const { repo, epoch } = branch
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
      onOverflow: () => {
        hasSkipped = true
      },
      ...(isBatch && { history: this.#histories.of(repoId(repo)) }),
    }
    const wanted = new Set(paths)
    return branch.whileReading(
      (path) => wanted.has(path),
      async (outdated) => {
        const id = await this.#access.commitToRead(branch, paths.map(recordDirectory), options)
        const read = await readRecords(this.#access.sourceOf(repo, id, readOptions, options), paths)
        const current = paths.filter((path) => !outdated.has(path))
        const found = new Map(current.map((path) => [path, read.get(path) ?? noRecords]))
        for (const [path, records] of found) {
          const isWhole = [...records.values()].every((record) => !shortened.has(record))
          if (branch.epoch === epoch && isWhole && !hasSkipped) this.#cache.set(branch, path, records)
        }
        return found
      },
    )
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

const whole = (record: ObjectRecord): ObjectRecord => record

const withoutAllParts = (record: ObjectRecord): ObjectRecord => {
  const descriptions = descriptionsOf(record).filter(({ parts }) => parts.length > 0)
  return descriptions.length === 0 ? record : withoutParts(record, descriptions)
}
