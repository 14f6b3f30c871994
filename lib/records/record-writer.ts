import { LRUCache } from 'lru-cache'
import type { Change } from '../commits/change.js'
import type { CommitQueue } from '../commits/commit-queue.js'
import { commitToMetaBranch } from '../commits/meta-branch.js'
import { type CallOptions, type PfsClient, type Repo, repoId } from '../pfs/client.js'
import { unlessMissing } from '../pfs/errors.js'
import { markerContent } from './markers.js'
import { emptyRecord, type KeyRecords, type ObjectRecord } from './record.js'
import type { RecordCache } from './record-cache.js'
import { applyAll, type RecordChange, restorationOf } from './record-change.js'
import { serializeLine, serializeRecord } from './record-format.js'
import { indexEntries } from './record-index.js'
import { isMarkerPath, type RecordName, recordPath, recordsBranch } from './record-path.js'

/** Longest line to append, in bytes; for a longer one, the record is rewritten. */
const maxLineBytes = 64 * 1024
const maxAppendedBytes = 256 * 1024

/** A record that was read with more bytes is rewritten, since each process appends up to 256 KiB. */
export const longRecordBytes = 512 * 1024

/** Maximum size in bytes of a record that is rewritten; larger ones are replaced. */
export const maxRewrittenBytes = 16 * 1024 * 1024

/** Maximum records whose growth is tracked. */
const maxAppendedRecords = 100_000

/** The reads that a writer needs. */
export interface RecordSources {
  readonly cache: RecordCache
  /** Reads the stored records of some keys. */
  readonly read: (
    repo: Repo,
    paths: readonly string[],
    options: CallOptions,
  ) => Promise<ReadonlyMap<string, KeyRecords>>
  /** Reads the records of some keys at a commit of the records branch. */
  readonly readAt: (
    repo: Repo,
    commitId: string,
    paths: readonly string[],
    options: CallOptions,
  ) => Promise<ReadonlyMap<string, KeyRecords>>
  readonly keyFromPath: (path: string) => string
  /** Called for changes that are dropped. */
  readonly onError: (error: unknown) => void
}

/** The changes of the file of a record, and of its index files. */
type RecordFiles = readonly [record: Change, ...index: Change[]]

/** The changes of one record. */
interface Draft {
  /** The path of the record. */
  readonly path: string
  readonly name: RecordName
  readonly changes: readonly RecordChange[]
  /** Undefined if the record must be read first. */
  readonly files: RecordFiles | undefined
}

/** The changes of one record, ready to be committed. */
interface Write extends Draft {
  readonly files: RecordFiles
  /** Set if the record was read. */
  readonly rewrite?: Rewrite
}

/** The rewrite of a record that is cached or stored. */
interface Rewrite {
  /** The record afterwards; undefined if it is deleted. */
  readonly after: ObjectRecord | undefined
  /** The epoch of the cache that knew the record before; undefined if it was not cached. */
  readonly epoch: number | undefined
}

/** Commits changes of records. */
export class RecordWriter {
  readonly #pfs: PfsClient
  readonly #commits: CommitQueue
  readonly #sources: RecordSources
  /** Changes that are being written, by the path of their record, for later updates. */
  readonly #writing = new Map<string, readonly RecordChange[]>()
  /** Bytes that this process has appended to a record since it last rewrote it. `max` would allocate all entries at once. */
  readonly #appended = new LRUCache<string, number>({ maxSize: maxAppendedRecords, sizeCalculation: () => 1 })

  constructor(pfs: PfsClient, commits: CommitQueue, sources: RecordSources) {
    this.#pfs = pfs
    this.#commits = commits
    this.#sources = sources
  }

  /**
   * Commits changes of records of one repo. Reads a record only for a change that depends on it, or to rewrite it after many
   * lines were appended. If another gateway wrote such a record in the meantime, a second commit restores what it wrote.
   */
  async write(changes: readonly RecordChange[], options: CallOptions): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    const { repo } = first.name
    const drafts = this.#draftsOf(changes)
    const unknown = drafts.filter(({ files }) => files === undefined).map(({ name }) => name.path)
    const stored =
      unknown.length === 0
        ? new Map<string, KeyRecords>()
        : await this.#sources.read(repo, [...new Set(unknown)], options)
    // No await between here and the queue, so that changes of the same record keep their order.
    const writes = drafts.flatMap((draft) => this.#writeOf(draft, stored) ?? [])
    if (writes.length === 0) return
    for (const { path, changes: ofRecord } of writes) this.#writing.set(path, [...this.#writingTo(path), ...ofRecord])
    let restorations: readonly RecordChange[]
    try {
      restorations = await this.#commit(repo, writes, options)
    } finally {
      for (const { path, changes: ofRecord } of writes) {
        const left = this.#writingTo(path).filter((change) => !ofRecord.includes(change))
        if (left.length === 0) this.#writing.delete(path)
        else this.#writing.set(path, left)
      }
    }
    await this.write(restorations, options)
  }

  /** Commits writes; returns the changes that restore what other gateways wrote to the same records just before. */
  async #commit(repo: Repo, writes: readonly Write[], options: CallOptions): Promise<readonly RecordChange[]> {
    const files = writes.flatMap((write) => [...write.files])
    const branch = recordsBranch(repo)
    const { commitId, parentId } = await commitToMetaBranch(this.#pfs, this.#commits, branch, files, options)
    const { cache } = this.#sources
    const outdated = writes.filter(
      ({ rewrite }) => rewrite !== undefined && !cache.isUnchanged(repo, rewrite.epoch, commitId, parentId),
    )
    cache.committed(repo, commitId, parentId, new Set(writes.map(({ name }) => name.path)))
    for (const write of writes) this.#noteCommitted(write)
    return parentId === undefined ? [] : this.#restorations(repo, parentId, outdated, options)
  }

  /** The changes that restore the records of a commit that rewrites have replaced without knowing them. */
  async #restorations(
    repo: Repo,
    parentId: string,
    outdated: readonly Write[],
    options: CallOptions,
  ): Promise<readonly RecordChange[]> {
    if (outdated.length === 0) return []
    const paths = [...new Set(outdated.map(({ name }) => name.path))]
    const replaced = await this.#sources.readAt(repo, parentId, paths, options)
    return outdated.flatMap(({ name, changes, rewrite }): RecordChange[] => {
      const update = restorationOf(replaced.get(name.path)?.get(name.content), rewrite?.after, changes)
      return update === undefined ? [] : [{ name, kind: 'update', update }]
    })
  }

  /**
   * Like `write`, for changes that have waited: drops those of a repo that was deleted in the meantime. If it was created
   * again, their commits are missing there.
   */
  async writeCurrent(changes: readonly RecordChange[], options: CallOptions): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    const gone = await this.#goneCommits(first.name.repo, changes, options)
    const current = changes.filter(({ commitId }) => commitId === undefined || !gone.has(commitId))
    const exists = (await unlessMissing(this.write(current, options).then(() => true))) ?? false
    const dropped = changes.length - (exists ? current.length : 0)
    if (dropped === 0) return
    const { project, name } = first.name.repo
    this.#sources.onError(
      new Error(`the repo ${project}/${name} was deleted; ${dropped} changes of records are dropped`),
    )
  }

  /** The commits of changes that no longer exist. All do if the oldest does, unless someone has deleted single commits. */
  async #goneCommits(repo: Repo, changes: readonly RecordChange[], options: CallOptions): Promise<ReadonlySet<string>> {
    const gone = new Set<string>()
    for (const id of new Set(changes.flatMap(({ commitId }) => commitId ?? []))) {
      if ((await unlessMissing(this.#pfs.inspectCommit({ commit: { repo, id } }, options))) !== undefined) break
      gone.add(id)
    }
    return gone
  }

  /** Notes that a record is long, so that the next write rewrites it. */
  noteLong(repo: Repo, path: string): void {
    this.#appended.set(repoId(repo) + path, maxAppendedBytes)
  }

  #writingTo(path: string): readonly RecordChange[] {
    return this.#writing.get(path) ?? []
  }

  /** Groups changes by record, with the lines to append if the record need not be read. */
  #draftsOf(changes: readonly RecordChange[]): readonly Draft[] {
    const byPath = new Map<string, [RecordChange, ...RecordChange[]]>()
    for (const change of changes) {
      const path = recordPath(change.name.path, change.name.content)
      const others = byPath.get(path)
      if (others === undefined) byPath.set(path, [change])
      else others.push(change)
    }
    return [...byPath].map(([path, ofRecord]): Draft => {
      const { name } = ofRecord[0]
      return { path, name, changes: ofRecord, files: this.#filesWithoutRead(path, name, ofRecord) }
    })
  }

  #filesWithoutRead(path: string, name: RecordName, changes: readonly RecordChange[]): RecordFiles | undefined {
    // The index of markers depends on the stored record.
    if (name.content === markerContent && isMarkerPath(name.path)) return undefined
    const key = this.#sources.keyFromPath(name.path)
    const removal = changes.findLastIndex(({ kind }) => kind === 'remove')
    const lines: Buffer[] = []
    for (const change of changes.slice(removal + 1)) {
      if (change.kind === 'update') return undefined
      if (change.kind === 'append') lines.push(serializeLine(key, change.line))
    }
    const raw = Buffer.concat(lines)
    if (removal >= 0) {
      const exists = raw.length > 0
      return [recordFile(path, exists ? raw : undefined), ...indexFiles(name, undefined, exists ? emptyRecord : null)]
    }
    const before = this.#appended.get(repoId(name.repo) + path) ?? 0
    if (raw.length > maxLineBytes || before + raw.length > maxAppendedBytes) return undefined
    const record: Change = { path, content: { raw, isAppended: true }, isUnchecked: true }
    return [record, ...indexFiles(name, undefined, emptyRecord)]
  }

  /** The write of a record; undefined if the record stays unchanged. */
  #writeOf(draft: Draft, stored: ReadonlyMap<string, KeyRecords>): Write | undefined {
    const { path, name, changes, files: unread } = draft
    if (unread !== undefined) return { ...draft, files: unread }
    const { cache, keyFromPath } = this.#sources
    const cached = cache.latest(name.repo, name.path)
    const known = (cached ?? stored.get(name.path))?.get(name.content)
    const before = applyAll(known, this.#writingTo(path))
    const after = applyAll(before, changes)
    if (after === before) return undefined
    const raw = after && serializeRecord(keyFromPath(name.path), after)
    const files: RecordFiles = [recordFile(path, raw), ...indexFiles(name, before, after ?? null)]
    return { ...draft, files, rewrite: { after, epoch: cached && cache.epochOf(name.repo) } }
  }

  #noteCommitted({ path, name, changes, files: [{ content }] }: Write): void {
    const id = repoId(name.repo) + path
    if (content !== undefined && 'raw' in content && content.isAppended === true) {
      this.#appended.set(id, (this.#appended.get(id) ?? 0) + content.raw.length)
    } else this.#appended.delete(id)
    const known = this.#sources.cache.latest(name.repo, name.path)
    if (known !== undefined) {
      this.#sources.cache.put(name.repo, name.path, name.content, applyAll(known.get(name.content), changes) ?? null)
    }
  }
}

/** Creates or deletes a record. */
function recordFile(path: string, raw: Uint8Array | undefined): Change {
  return { path, isUnchecked: true, ...(raw && { content: { raw } }) }
}

/** Unlike those of records, clients choose the paths of markers, where a file could replace a directory. */
function indexFiles(name: RecordName, before: ObjectRecord | undefined, record: ObjectRecord | null): Change[] {
  return indexEntries(name, before, record).map(({ path, exists }) => ({
    path,
    isUnchecked: !exists,
    ...(exists && { content: { raw: Buffer.alloc(0) } }),
  }))
}
