import type { Change } from '../commits/change.js'
import { type CommitQueue, committedOf } from '../commits/commit-queue.js'
import type { Branch, CallOptions, Commit, PfsClient, Repo } from '../pfs/client.js'
import { PfsError, unlessMissing } from '../pfs/errors.js'
import { ensureMetaBranch } from '../pfs/meta-branch.js'
import { readRecords } from './read-records.js'
import { type ObjectRecord, serializeRecord } from './record.js'
import { type KeyRecords, RecordCache } from './record-cache.js'
import { hiddenDirectory, type IndexEntry, indexEntries, markerRoot, readHiddenPath } from './record-index.js'
import { type RecordName, rangeOf, recordDirectory, recordPath } from './record-path.js'
import { type RecordChange, WriteBehind } from './write-behind.js'

/** The records branch, in the `meta` repo beside a user repo, which shares the rights of the user repo. */
const recordsBranchName = 's3-records'
const description = 'Records of S3 objects, and parts of uploads that are not completed yet'

/** Which writes keep a record: all, only those with attributes that PFS cannot store, or none. */
export type RecordMode = 'all' | 'needed' | 'off'

export interface RecordStoreOptions {
  readonly mode: RecordMode
  readonly cacheBytes: number
  /** Called for records that cannot be read, and for write-behind that fails. */
  readonly onError: (error: unknown) => void
  readonly keyFromPath: (path: string) => string
  /** The clock, in milliseconds. @default Date.now */
  readonly now?: () => number
}

/** Reads and writes the records of all repos. */
export class RecordStore {
  readonly mode: RecordMode
  readonly #pfs: PfsClient
  readonly #commits: CommitQueue
  readonly #options: RecordStoreOptions
  readonly #cache: RecordCache
  readonly #behind: WriteBehind
  /** Records that are being written, by path, for later updates. */
  readonly #writing = new Map<string, ObjectRecord | null>()

  constructor(pfs: PfsClient, commits: CommitQueue, options: RecordStoreOptions) {
    this.mode = options.mode
    this.#pfs = pfs
    this.#commits = commits
    this.#options = options
    this.#cache = new RecordCache(options.cacheBytes, options.now ?? Date.now)
    this.#behind = new WriteBehind((changes, callOptions) => this.#commit(changes, callOptions), options.onError)
  }

  /**
   * The records of a key, including those pending in the write-behind. Records of other gateways are visible after at most
   * one second.
   */
  async read(repo: Repo, path: string, options: CallOptions): Promise<KeyRecords> {
    const records = await this.#readAll(repo, [path], whole, options)
    return records.get(path) ?? new Map()
  }

  /** The records of many keys, in few calls; without their parts, since each object may have 10,000. */
  async readAll(repo: Repo, paths: readonly string[], options: CallOptions): Promise<ReadonlyMap<string, KeyRecords>> {
    return this.#readAll(repo, paths, withoutParts, options)
  }

  async #readAll(
    repo: Repo,
    paths: readonly string[],
    shorten: Shorten,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, KeyRecords>> {
    if (this.mode === 'off') return new Map()
    const stored = await this.#readStored(repo, paths, shorten, options)
    return new Map(paths.map((path) => [path, this.#behind.applyTo(repo, path, stored.get(path) ?? new Map())]))
  }

  /**
   * The hidden versions of a branch at or below some paths: sets of commit ids by path. The path of a directory ends with `/`.
   */
  async hiddenVersions(
    { repo, name }: Branch,
    paths: readonly string[],
    options: CallOptions,
  ): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const found = new Map<string, Set<string>>()
    if (this.mode === 'off') return found
    const branch = recordsBranch(repo)
    const { headId } = await this.#cache.branch(repo, () => this.#inspectHead(branch, options))
    if (headId === undefined) return found
    const directories = paths.map((path) => hiddenDirectory(name, path))
    const id = await this.#commits.commitToRead(branch, directories, options)
    const commit = { repo: branch.repo, id }
    for (const directory of directories) {
      const request = { commit, pattern: '/**', pathRange: rangeOf([directory]) }
      for await (const { fileType, file } of this.#pfs.globFile(request, options)) {
        if (fileType !== 'FILE') continue
        const { path, commitId } = readHiddenPath(file.path)
        const commitIds = found.get(path) ?? new Set()
        found.set(path, commitIds.add(commitId))
      }
    }
    return found
  }

  /**
   * The commit of the records branch in which the index of a branch's directory markers can be read; undefined if it never
   * had one.
   */
  async markerCommit({ repo, name }: Branch, options: CallOptions): Promise<Commit | undefined> {
    if (this.mode === 'off') return undefined
    const branch = recordsBranch(repo)
    const state = await this.#cache.branch(repo, () => this.#inspectHead(branch, options))
    if (state.headId === undefined || state.markerless.has(name)) return undefined
    const { epoch } = state
    const path = markerRoot('versioned', name)
    const id = await this.#commits.commitToRead(branch, [path, markerRoot('visible', name)], options)
    const commit = { repo: branch.repo, id }
    for await (const _ of this.#pfs.listFile({ file: { commit, path }, number: 1 }, options)) return commit
    if (state.epoch === epoch) state.markerless.add(name)
    return undefined
  }

  /** Sees what other gateways have written up to now, for a caller that must not miss it. */
  refresh(repo: Repo): void {
    this.#cache.expire(repo)
  }

  /** Writes records of one repo; resolves after their commit. */
  async write(updates: readonly RecordChange[], options: CallOptions): Promise<void> {
    // Pending updates of the same records come first, or they would undo these.
    const earlier = updates.flatMap(({ name }) => this.#behind.take(name))
    await this.#commit([...earlier, ...updates], options)
  }

  /** Writes a record within a second, in a batch (write-behind). It is lost if the process crashes before that. */
  writeBehind(change: RecordChange, options: CallOptions): void {
    this.#behind.add(change, options)
  }

  /** Writes all pending records; for a process that is about to exit. */
  flush(): Promise<void> {
    return this.#behind.flush()
  }

  async #readStored(
    repo: Repo,
    paths: readonly string[],
    shorten: Shorten,
    options: CallOptions,
  ): Promise<Map<string, KeyRecords>> {
    const branch = recordsBranch(repo)
    for (;;) {
      const state = await this.#cache.branch(repo, () => this.#inspectHead(branch, options))
      const found = new Map<string, KeyRecords>()
      if (state.headId === undefined) return found
      const unknown: string[] = []
      for (const path of paths) {
        const records = this.#cache.get(repo, path, state)
        if (records === undefined) unknown.push(path)
        else found.set(path, records)
      }
      if (unknown.length === 0) return found
      const { epoch } = state
      const running = { paths: new Set(unknown), isOutdated: false }
      state.reads.add(running)
      const shortened = new Set<ObjectRecord>()
      const note: Shorten = (record) => {
        const short = shorten(record)
        if (short !== record) shortened.add(short)
        return short
      }
      const read = await this.#readUnknown(branch, unknown, note, options).finally(() => state.reads.delete(running))
      // With a concurrent write, it is unknown which state was read.
      if (running.isOutdated) continue
      for (const path of unknown) {
        const records = read.get(path) ?? new Map()
        found.set(path, records)
        const isWhole = [...records.values()].every((record) => !shortened.has(record))
        if (state.epoch === epoch && isWhole) this.#cache.set(repo, path, state, records)
      }
      return found
    }
  }

  async #readUnknown(
    branch: Branch,
    paths: readonly string[],
    shorten: Shorten,
    options: CallOptions,
  ): Promise<Map<string, KeyRecords>> {
    const id = await this.#commits.commitToRead(branch, paths.map(recordDirectory), options)
    return readRecords(this.#pfs, { repo: branch.repo, id }, paths, shorten, this.#options.onError, options)
  }

  async #inspectHead(branch: Branch, options: CallOptions): Promise<string | undefined> {
    const info = await unlessMissing(this.#pfs.inspectBranch(branch, options))
    return info?.head?.id
  }

  /** Writes records of one repo in one commit. */
  async #commit(updates: readonly RecordChange[], options: CallOptions): Promise<void> {
    const [first] = updates
    if (first === undefined) return
    const { repo } = first.name
    const stored = await this.#readStored(repo, [...new Set(updates.map(({ name }) => name.path))], whole, options)
    // No await between here and the queue, so that updates of the same record keep their order.
    const written = new Map<string, WrittenRecord>()
    for (const { name, update } of updates) {
      const path = recordPath(name.path, name.content)
      const known = this.#latest(name, path, stored)
      const record = update(known)
      if (record === undefined || record === known) continue
      this.#writing.set(path, record)
      written.set(path, { name, record, before: written.get(path)?.before ?? known })
    }
    if (written.size === 0) return
    const changes = [...written].flatMap(([path, { name, record, before }]) => {
      const raw = record === null ? undefined : serializeRecord(this.#options.keyFromPath(name.path), record)
      const index = indexEntries(name, before, record)
      return [{ ...changeOf(path, raw), isUnchecked: true }, ...index.map(changeOfIndex)]
    })
    try {
      const paths = new Set(updates.map(({ name }) => name.path))
      await this.#commitChanges(repo, changes, paths, options)
      for (const { name, record } of written.values()) this.#cache.put(repo, name.path, name.content, record)
    } finally {
      for (const [path, { record }] of written) if (this.#writing.get(path) === record) this.#writing.delete(path)
    }
  }

  /** The current state of a record: the one being written, the cached one, or the stored one. */
  #latest(name: RecordName, path: string, stored: ReadonlyMap<string, KeyRecords>): ObjectRecord | undefined {
    const writing = this.#writing.get(path)
    if (writing !== undefined) return writing ?? undefined
    const records = this.#cache.latest(name.repo, name.path) ?? stored.get(name.path)
    return records?.get(name.content)
  }

  async #commitChanges(
    repo: Repo,
    changes: readonly Change[],
    paths: ReadonlySet<string>,
    options: CallOptions,
  ): Promise<void> {
    const branch = recordsBranch(repo)
    const commit = async (): Promise<void> => {
      const { commitId, parentId } = committedOf(await this.#commits.commit(branch, changes, options))
      this.#cache.committed(repo, commitId, parentId, paths)
    }
    try {
      await commit()
    } catch (error) {
      if (!(error instanceof PfsError) || error.missing === undefined) throw error
      await ensureMetaBranch(this.#pfs, branch, { description }, options)
      await commit()
    }
  }
}

type Shorten = (record: ObjectRecord) => ObjectRecord

const whole: Shorten = (record) => record
const withoutParts: Shorten = (record) => (record.parts.length === 0 ? record : { ...record, parts: [] })

/** A record on its way into PFS. */
interface WrittenRecord {
  readonly name: RecordName
  readonly record: ObjectRecord | null
  /** As it was before the changes that are on their way. */
  readonly before: ObjectRecord | undefined
}

/** Creates or deletes a file. */
function changeOf(path: string, raw: Uint8Array | undefined): Change {
  return { path, ...(raw && { content: { raw } }) }
}

/** Unlike those of records, clients choose the paths of markers, where a file could replace a directory. */
function changeOfIndex({ path, isThere }: IndexEntry): Change {
  return { ...changeOf(path, isThere ? Buffer.alloc(0) : undefined), isUnchecked: !isThere }
}

function recordsBranch({ project, name }: Repo): Branch {
  return { repo: { project, name, type: 'meta' }, name: recordsBranchName }
}
