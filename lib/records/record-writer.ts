import { LRUCache } from 'lru-cache'
import type { Change } from '../commits/change.js'
import type { CommitQueue } from '../commits/commit-queue.js'
import { commitToMetaBranch } from '../commits/meta-branch.js'
import type { CallOptions, PfsClient, Repo } from '../pfs/client.js'
import { unlessMissing } from '../pfs/errors.js'
import { markerContent } from './markers.js'
import { emptyRecord, type ObjectRecord } from './record.js'
import type { KeyRecords, RecordCache } from './record-cache.js'
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

/** The changes of one record, to be committed. */
interface Draft {
  /** The path of the record. */
  readonly path: string
  readonly name: RecordName
  readonly changes: readonly RecordChange[]
  /** Undefined if the record must be read first. */
  readonly addition: RecordFiles | undefined
}

/** The changes of the file of a record, and of its index files. */
type RecordFiles = readonly [record: Change, ...index: Change[]]

/** The rewrite of a record: the record that is cached or stored, and the one that replaces it. */
interface Rewrite {
  readonly before: ObjectRecord | undefined
  readonly after: ObjectRecord | undefined
  /** The epoch of the cache that knew the record before; undefined if it was not cached. */
  readonly epoch: number | undefined
}

const noRecords: ReadonlyMap<string, KeyRecords> = new Map()

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
    const unknown = drafts.filter(({ addition }) => addition === undefined).map(({ name }) => name.path)
    const stored = unknown.length === 0 ? noRecords : await this.#sources.read(repo, [...new Set(unknown)], options)
    // No await between here and the queue, so that changes of the same record keep their order.
    const rewrites = new Map<Draft, Rewrite>()
    const made = drafts.flatMap((draft) => {
      const rewrite = draft.addition === undefined ? this.#rewriteOf(draft, stored) : undefined
      if (rewrite !== undefined) rewrites.set(draft, rewrite)
      const changes = rewrite === undefined ? draft.addition : this.#filesOf(draft, rewrite)
      return changes === undefined ? [] : [{ draft, changes }]
    })
    if (made.length === 0) return
    let restorations: readonly RecordChange[] = []
    for (const { draft } of made) this.#writing.set(draft.path, [...this.#writingTo(draft.path), ...draft.changes])
    try {
      const paths = new Set(made.map(({ draft }) => draft.name.path))
      const all = made.flatMap(({ changes: [record, ...index] }) => [record, ...index])
      const { commitId, parentId } = await commitToMetaBranch(
        this.#pfs,
        this.#commits,
        recordsBranch(repo),
        all,
        options,
      )
      const { cache } = this.#sources
      const outdated = new Map(
        [...rewrites].filter(([, { epoch }]) => !cache.isUnchanged(repo, epoch, commitId, parentId)),
      )
      cache.committed(repo, commitId, parentId, paths)
      for (const { draft, changes } of made) this.#noteCommitted(draft, changes[0])
      if (parentId !== undefined) restorations = await this.#restorations(repo, parentId, outdated, options)
    } finally {
      for (const { draft } of made) {
        const left = this.#writingTo(draft.path).filter((change) => !draft.changes.includes(change))
        if (left.length === 0) this.#writing.delete(draft.path)
        else this.#writing.set(draft.path, left)
      }
    }
    await this.write(restorations, options)
  }

  /** The changes that restore what other gateways wrote to records in a commit, before this one replaced them. */
  async #restorations(
    repo: Repo,
    parentId: string,
    outdated: ReadonlyMap<Draft, Rewrite>,
    options: CallOptions,
  ): Promise<readonly RecordChange[]> {
    if (outdated.size === 0) return []
    const paths = [...new Set([...outdated.keys()].map(({ name }) => name.path))]
    const replaced = await this.#sources.readAt(repo, parentId, paths, options)
    return [...outdated].flatMap(([{ name, changes }, { after }]): RecordChange[] => {
      const update = restorationOf(replaced.get(name.path)?.get(name.content), after, changes)
      return update === undefined ? [] : [{ name, kind: 'update', update }]
    })
  }

  /**
   * The same for changes that have waited: drops those of a repo that was deleted in the meantime. If it was created again,
   * their commits are missing there.
   */
  async writeCurrent(changes: readonly RecordChange[], options: CallOptions): Promise<void> {
    const [first] = changes
    if (first === undefined) return
    const gone = await this.#goneCommits(first.name.repo, changes, options)
    const current = changes.filter(({ commitId }) => commitId === undefined || !gone.has(commitId))
    const isThere = (await unlessMissing(this.write(current, options).then(() => true))) ?? false
    const dropped = changes.length - (isThere ? current.length : 0)
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
    this.#appended.set(idOfRecord(repo, path), maxAppendedBytes)
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
      return { path, name, changes: ofRecord, addition: this.#additionOf(path, name, ofRecord) }
    })
  }

  #additionOf(path: string, name: RecordName, changes: readonly RecordChange[]): RecordFiles | undefined {
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
      const isThere = raw.length > 0
      return [recordFile(path, isThere ? raw : undefined), ...indexFiles(name, undefined, isThere ? emptyRecord : null)]
    }
    const before = this.#appended.get(idOfRecord(name.repo, path)) ?? 0
    if (raw.length > maxLineBytes || before + raw.length > maxAppendedBytes) return undefined
    const record: Change = { path, content: { raw, isAppended: true }, isUnchecked: true }
    return [record, ...indexFiles(name, undefined, emptyRecord)]
  }

  /** The rewrite of a record; undefined if it stays unchanged. */
  #rewriteOf({ path, name, changes }: Draft, stored: ReadonlyMap<string, KeyRecords>): Rewrite | undefined {
    const cached = this.#sources.cache.latest(name.repo, name.path)
    const known = (cached ?? stored.get(name.path))?.get(name.content)
    const before = applyAll(known, this.#writingTo(path))
    const after = applyAll(before, changes)
    if (after === before) return undefined
    return { before, after, epoch: cached && this.#sources.cache.epochOf(name.repo) }
  }

  #filesOf({ path, name }: Draft, { before, after }: Rewrite): RecordFiles {
    const raw = after && serializeRecord(this.#sources.keyFromPath(name.path), after)
    return [recordFile(path, raw), ...indexFiles(name, before, after ?? null)]
  }

  #noteCommitted({ path, name, changes }: Draft, { content }: Change): void {
    const id = idOfRecord(name.repo, path)
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
  return indexEntries(name, before, record).map(({ path, isThere }) => ({
    path,
    isUnchecked: !isThere,
    ...(isThere && { content: { raw: Buffer.alloc(0) } }),
  }))
}

function idOfRecord({ project, name }: Repo, path: string): string {
  return `${project}/${name}${path}`
}
