import { type CallOptions, type Repo, repoId } from '../pfs/client.js'
import { withTimeLimit } from '../pfs/time-limit.js'
import type { KeyRecords } from './record-cache.js'
import { applyChange, type RecordChange } from './record-change.js'
import type { RecordName } from './record-path.js'

/** Delay of an update to collect a batch, and maximum back-off if PFS fails, in milliseconds. */
const delayMilliseconds = 1000
const maxDelayMilliseconds = 60_000

/** Maximum writers of a repo whose tokens are kept for write-behind. */
const maxTokens = 8

/** Maximum pending updates per repo; if PFS fails for long, the oldest are dropped. */
const maxPending = 100_000

interface RepoUpdates {
  readonly waiting: Map<string, RecordChange[]>
  /** Updates being written; applied to reads until their commit. */
  writing: ReadonlyMap<string, readonly RecordChange[]>
  /** Updates that callers are writing together with their own, and when each call ends; applied to reads until then. */
  readonly taken: Map<readonly RecordChange[], Promise<void>>
  /** Tokens for the calls to PFS; any writer of the repo may write for the others. */
  readonly tokens: (string | undefined)[]
  failures: number
  count: number
  timer: NodeJS.Timeout | undefined
  flushing: Promise<void> | undefined
}

/**
 * Write-behind for updates of records that may be lost in a crash: collects them for a second, then writes them in one
 * commit per repo. Until then, they are applied to reads.
 */
export class WriteBehind {
  readonly #write: (updates: readonly RecordChange[], options: CallOptions) => Promise<void>
  readonly #onError: (error: unknown) => void
  readonly #repos = new Map<string, RepoUpdates>()
  /** Updates that are not added yet, by the id of their key. */
  readonly #expected = new Map<string, Promise<void>>()

  constructor(
    write: (updates: readonly RecordChange[], options: CallOptions) => Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#write = write
    this.#onError = onError
  }

  /** Any writer of the repo may write for the others; if one token fails, the next is used. */
  add(change: RecordChange, { authToken }: CallOptions): void {
    const id = repoId(change.name.repo)
    const repo = this.#repos.get(id) ?? newRepo()
    this.#repos.set(id, repo)
    if (!repo.tokens.includes(authToken)) repo.tokens.push(authToken)
    if (repo.tokens.length > maxTokens) repo.tokens.shift()
    append(repo, change)
    while (repo.count > maxPending) dropOldest(repo)
    this.#schedule(id, repo)
  }

  /** Makes reads of a key wait for an update that will be added; reports it if it fails. */
  expect(repo: Repo, path: string, update: Promise<void>): void {
    const id = repoId(repo) + path
    const added = update.catch((cause: unknown) =>
      this.#onError(new Error(`the record of ${id} is lost; the object is served without it`, { cause })),
    )
    const all = Promise.all([this.#expected.get(id), added]).then(() => {
      if (this.#expected.get(id) === all) this.#expected.delete(id)
    })
    this.#expected.set(id, all)
  }

  /** Waits for the expected updates of some keys. */
  async expected(repo: Repo, paths: readonly string[]): Promise<void> {
    if (this.#expected.size === 0) return
    await Promise.all(paths.map((path) => this.#expected.get(repoId(repo) + path)))
  }

  /** Waits until none of these records is being written: a failed update would be written again after newer ones. */
  async settle(names: readonly RecordName[]): Promise<void> {
    for (;;) {
      const [running] = names.flatMap(({ repo, path }) => {
        const each = this.#repos.get(repoId(repo))
        const taken = [...(each?.taken ?? [])].find(([changes]) => changes.some(({ name }) => name.path === path))
        return taken?.[1] ?? (each?.writing.has(path) === true ? [each.flushing] : [])
      })
      if (running === undefined) return
      await running
    }
  }

  /** Drops the pending updates of a repo. */
  forget(repo: Repo): void {
    const id = repoId(repo)
    const updates = this.#repos.get(id)
    if (updates === undefined) return
    clearTimeout(updates.timer)
    updates.timer = undefined
    takeAll(updates)
    updates.taken.clear()
    if (updates.flushing === undefined) this.#repos.delete(id)
  }

  /** Passes the pending updates of some records of a repo to `write`. They are pending again if it fails. */
  async writeWith(
    names: readonly RecordName[],
    write: (pending: readonly RecordChange[]) => Promise<void>,
  ): Promise<void> {
    const [first] = names
    const id = first && repoId(first.repo)
    const repo = id === undefined ? undefined : this.#repos.get(id)
    const taken = repo === undefined ? [] : names.flatMap((name) => take(repo, name))
    if (id === undefined || repo === undefined || taken.length === 0) return write([])
    const written = write(taken)
      .catch((error: unknown) => {
        // Not if the repo was deleted in the meantime.
        if (repo.taken.has(taken)) this.#putBack(id, repo, taken)
        throw error
      })
      .finally(() => repo.taken.delete(taken))
    const ended = written.catch(() => undefined)
    repo.taken.set(taken, ended)
    return written
  }

  /** Makes updates pending again, before later ones. */
  #putBack(id: string, repo: RepoUpdates, updates: readonly RecordChange[]): void {
    const later = takeAll(repo)
    for (const update of [...updates, ...[...later.values()].flat()]) append(repo, update)
    this.#schedule(id, repo)
  }

  /** The records of a key with the pending updates applied. */
  applyTo(repo: Repo, path: string, records: KeyRecords): KeyRecords {
    const updates = this.#repos.get(repoId(repo))
    const taken = [...(updates?.taken.keys() ?? [])].flat().filter(({ name }) => name.path === path)
    const pending = [...(updates?.writing.get(path) ?? []), ...taken, ...(updates?.waiting.get(path) ?? [])]
    if (pending.length === 0) return records
    const changed = new Map(records)
    for (const change of pending) {
      const { content } = change.name
      const record = applyChange(changed.get(content), change)
      if (record === undefined) changed.delete(content)
      else changed.set(content, record)
    }
    return changed
  }

  /** Writes all pending updates; reports failures and keeps those updates pending. */
  async flush(): Promise<void> {
    await Promise.all(this.#expected.values())
    await Promise.all([...this.#repos].map(([id, repo]) => this.#flush(id, repo)))
  }

  #schedule(id: string, repo: RepoUpdates): void {
    const delay = Math.min(delayMilliseconds * 2 ** repo.failures, maxDelayMilliseconds)
    repo.timer ??= setTimeout(() => void this.#flush(id, repo), delay).unref()
  }

  async #flush(id: string, repo: RepoUpdates): Promise<void> {
    clearTimeout(repo.timer)
    repo.timer = undefined
    while (repo.flushing !== undefined) await repo.flushing
    if (repo.waiting.size === 0) return
    repo.flushing = this.#writeAll(id, repo)
    await repo.flushing
  }

  async #writeAll(id: string, repo: RepoUpdates): Promise<void> {
    const taken = takeAll(repo)
    repo.writing = taken
    const authToken = repo.tokens.at(-1)
    try {
      const options = authToken === undefined ? {} : { authToken }
      await withTimeLimit(options, (limited) => this.#write([...taken.values()].flat(), limited))
      repo.failures = 0
    } catch (error) {
      this.#onError(new Error('the write-behind of records failed; it will be retried', { cause: error }))
      repo.failures += 1
      // The token may have caused the failure.
      if (repo.tokens.length > 1) repo.tokens.pop()
      this.#putBack(id, repo, [...taken.values()].flat())
    } finally {
      repo.writing = new Map()
      repo.flushing = undefined
      if (repo.waiting.size === 0 && repo.taken.size === 0) this.#repos.delete(id)
    }
  }
}

function newRepo(): RepoUpdates {
  return {
    waiting: new Map(),
    writing: new Map(),
    taken: new Map(),
    tokens: [],
    failures: 0,
    count: 0,
    timer: undefined,
    flushing: undefined,
  }
}

function append(repo: RepoUpdates, update: RecordChange): void {
  const updates = repo.waiting.get(update.name.path) ?? []
  updates.push(update)
  repo.waiting.set(update.name.path, updates)
  repo.count += 1
}

/** Removes and returns the waiting updates of a record. */
function take(repo: RepoUpdates, { path, content }: RecordName): readonly RecordChange[] {
  const ofKey = repo.waiting.get(path) ?? []
  const taken = ofKey.filter(({ name }) => name.content === content)
  const left = ofKey.filter(({ name }) => name.content !== content)
  repo.count -= taken.length
  if (left.length === 0) repo.waiting.delete(path)
  else repo.waiting.set(path, left)
  return taken
}

/** Removes and returns all pending updates. */
function takeAll(repo: RepoUpdates): ReadonlyMap<string, RecordChange[]> {
  const taken = new Map(repo.waiting)
  repo.waiting.clear()
  repo.count = 0
  return taken
}

function dropOldest(repo: RepoUpdates): void {
  const [path, updates] = repo.waiting.entries().next().value ?? ['', []]
  repo.waiting.delete(path)
  repo.count -= updates.length
}
