import { type CallOptions, type Repo, repoId } from '../pfs/client.js'
import { withTimeLimit } from '../pfs/time-limit.js'
import type { KeyRecords } from './record.js'
import { applyChange, type RecordChange } from './record-change.js'
import type { RecordName } from './record-path.js'

/** Delay of a change to collect a batch, and maximum back-off if PFS fails, in milliseconds. */
const delayMilliseconds = 1000
const maxDelayMilliseconds = 60_000

/** Maximum writers of a repo whose tokens are kept for write-behind. */
const maxTokens = 8

/** Maximum waiting changes of a repo; if PFS fails for long, the oldest are dropped. */
const maxWaiting = 100_000

/** Writes changes of records of one repo. */
type WriteChanges = (changes: readonly RecordChange[], options: CallOptions) => Promise<void>

/**
 * Write-behind for changes of records that may be lost in a crash: collects them for a second, then writes them in one
 * commit per repo. Until then they are pending, and are applied to reads.
 */
export class WriteBehind {
  readonly #write: WriteChanges
  readonly #onError: (error: unknown) => void
  readonly #repos = new Map<string, PendingChanges>()
  /** Changes that will be added, by repo and path of their key. */
  readonly #expected = new Map<string, Promise<void>>()

  constructor(write: WriteChanges, onError: (error: unknown) => void) {
    this.#write = write
    this.#onError = onError
  }

  /** Adds a change, to be written with the token of any writer of the repo. */
  add(change: RecordChange, { authToken }: CallOptions): void {
    const id = repoId(change.name.repo)
    let pending = this.#repos.get(id)
    if (pending === undefined) {
      const onIdle = (): void => {
        if (this.#repos.get(id) === pending) this.#repos.delete(id)
      }
      pending = new PendingChanges(this.#write, this.#onError, onIdle)
      this.#repos.set(id, pending)
    }
    pending.add(change, authToken)
  }

  /** Makes reads of a key wait for a change that will be added; reports it if it fails. */
  expect(repo: Repo, path: string, change: Promise<void>): void {
    const id = repoId(repo) + path
    const added = change.catch((cause: unknown) =>
      this.#onError(new Error(`the record of ${id} is lost; the object is served without it`, { cause })),
    )
    const all = Promise.all([this.#expected.get(id), added]).then(() => {
      if (this.#expected.get(id) === all) this.#expected.delete(id)
    })
    this.#expected.set(id, all)
  }

  /** Waits for the expected changes of some keys. */
  async expected(repo: Repo, paths: readonly string[]): Promise<void> {
    if (this.#expected.size === 0) return
    await Promise.all(paths.map((path) => this.#expected.get(repoId(repo) + path)))
  }

  /** Waits until no record of these keys is being written: a change that fails would be written again after newer ones. */
  async settle(names: readonly RecordName[]): Promise<void> {
    for (;;) {
      const writes = names.map(({ repo, path }) => this.#repos.get(repoId(repo))?.writeOf(path))
      const running = writes.find((write) => write !== undefined)
      if (running === undefined) return
      await running
    }
  }

  /** Drops the pending changes of a repo. */
  forget(repo: Repo): void {
    this.#repos.get(repoId(repo))?.drop()
  }

  /** Passes the waiting changes of some records of a repo to `write`. They wait again if it fails. */
  async writeWith(
    names: readonly RecordName[],
    write: (waiting: readonly RecordChange[]) => Promise<void>,
  ): Promise<void> {
    const [first] = names
    const pending = first && this.#repos.get(repoId(first.repo))
    return pending === undefined ? write([]) : pending.writeWith(names, write)
  }

  /** The records of a key with the pending changes applied. */
  applyTo(repo: Repo, path: string, records: KeyRecords): KeyRecords {
    const changes = this.#repos.get(repoId(repo))?.of(path) ?? []
    if (changes.length === 0) return records
    const changed = new Map(records)
    for (const change of changes) {
      const { content } = change.name
      const record = applyChange(changed.get(content), change)
      if (record === undefined) changed.delete(content)
      else changed.set(content, record)
    }
    return changed
  }

  /** Writes all pending changes; reports failures, after which the changes wait again. */
  async flush(): Promise<void> {
    await Promise.all(this.#expected.values())
    await Promise.all([...this.#repos.values()].map((pending) => pending.flush()))
  }
}

/** The pending changes of one repo: they wait for their batch, or are being written. */
class PendingChanges {
  readonly #write: WriteChanges
  readonly #onError: (error: unknown) => void
  readonly #onIdle: () => void
  /** By the path of their key. */
  readonly #waiting = new Map<string, RecordChange[]>()
  #waitingCount = 0
  /** The batch that is being written, by the path of the key. */
  #batch: ReadonlyMap<string, readonly RecordChange[]> = new Map()
  #flushing: Promise<void> | undefined
  /** Changes that callers are writing together with their own, and when each of these calls ends. */
  readonly #taken = new Map<readonly RecordChange[], Promise<void>>()
  /** The tokens of writers of the repo, any of whom may write for the others. */
  readonly #tokens: (string | undefined)[] = []
  #failures = 0
  #timer: NodeJS.Timeout | undefined

  constructor(write: WriteChanges, onError: (error: unknown) => void, onIdle: () => void) {
    this.#write = write
    this.#onError = onError
    this.#onIdle = onIdle
  }

  add(change: RecordChange, authToken: string | undefined): void {
    if (!this.#tokens.includes(authToken)) this.#tokens.push(authToken)
    if (this.#tokens.length > maxTokens) this.#tokens.shift()
    this.#append(change)
    while (this.#waitingCount > maxWaiting) this.#dropOldest()
    this.#schedule()
  }

  /** The changes of a key, oldest first. */
  of(path: string): readonly RecordChange[] {
    const taken = [...this.#taken.keys()].flat().filter(({ name }) => name.path === path)
    return [...(this.#batch.get(path) ?? []), ...taken, ...(this.#waiting.get(path) ?? [])]
  }

  /** The end of the write of a record of a key; undefined if none is being written. */
  writeOf(path: string): Promise<void> | undefined {
    for (const [changes, ended] of this.#taken) if (changes.some(({ name }) => name.path === path)) return ended
    return this.#batch.has(path) ? this.#flushing : undefined
  }

  /** Drops the waiting changes; those that callers are writing are not written again if that fails. */
  drop(): void {
    this.#takeAll()
    this.#taken.clear()
    this.#endIfIdle()
  }

  async writeWith(
    names: readonly RecordName[],
    write: (waiting: readonly RecordChange[]) => Promise<void>,
  ): Promise<void> {
    const taken = names.flatMap((name) => this.#take(name))
    if (taken.length === 0) return write([])
    const written = write(taken)
      .catch((error: unknown) => {
        // Not if they were dropped in the meantime.
        if (this.#taken.has(taken)) this.#putBack(taken)
        throw error
      })
      .finally(() => {
        this.#taken.delete(taken)
        this.#endIfIdle()
      })
    const ended = written.catch(() => undefined)
    this.#taken.set(taken, ended)
    return written
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#flushing !== undefined) await this.#flushing
    if (this.#waiting.size === 0) return
    this.#flushing = this.#writeBatch()
    await this.#flushing
  }

  async #writeBatch(): Promise<void> {
    this.#batch = this.#takeAll()
    const changes = [...this.#batch.values()].flat()
    const authToken = this.#tokens.at(-1)
    try {
      const options = authToken === undefined ? {} : { authToken }
      await withTimeLimit(options, (limited) => this.#write(changes, limited))
      this.#failures = 0
    } catch (error) {
      this.#onError(new Error('the write-behind of records failed; it will be retried', { cause: error }))
      this.#failures += 1
      // The token may have caused the failure.
      if (this.#tokens.length > 1) this.#tokens.pop()
      this.#putBack(changes)
    } finally {
      this.#batch = new Map()
      this.#flushing = undefined
      this.#endIfIdle()
    }
  }

  #schedule(): void {
    const delay = Math.min(delayMilliseconds * 2 ** this.#failures, maxDelayMilliseconds)
    this.#timer ??= setTimeout(() => void this.flush(), delay).unref()
  }

  #endIfIdle(): void {
    if (this.#waiting.size > 0 || this.#taken.size > 0 || this.#flushing !== undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#onIdle()
  }

  #append(change: RecordChange): void {
    const changes = this.#waiting.get(change.name.path) ?? []
    changes.push(change)
    this.#waiting.set(change.name.path, changes)
    this.#waitingCount += 1
  }

  /** Removes and returns the waiting changes of a record. */
  #take({ path, content }: RecordName): readonly RecordChange[] {
    const ofKey = this.#waiting.get(path) ?? []
    const taken = ofKey.filter(({ name }) => name.content === content)
    const left = ofKey.filter(({ name }) => name.content !== content)
    this.#waitingCount -= taken.length
    if (left.length === 0) this.#waiting.delete(path)
    else this.#waiting.set(path, left)
    return taken
  }

  /** Removes and returns all waiting changes. */
  #takeAll(): ReadonlyMap<string, readonly RecordChange[]> {
    const taken = new Map(this.#waiting)
    this.#waiting.clear()
    this.#waitingCount = 0
    return taken
  }

  /** Makes changes wait again, before later ones. */
  #putBack(changes: readonly RecordChange[]): void {
    const later = [...this.#takeAll().values()].flat()
    for (const change of [...changes, ...later]) this.#append(change)
    this.#schedule()
  }

  #dropOldest(): void {
    const [path, changes] = this.#waiting.entries().next().value ?? ['', []]
    this.#waiting.delete(path)
    this.#waitingCount -= changes.length
  }
}
