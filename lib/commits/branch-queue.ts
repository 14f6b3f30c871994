import { PfsError } from '../pfs/errors.js'
import { PathTrie } from '../pfs/path.js'

/** Work that waits for its turn on a branch. */
export interface Entry {
  /** The paths that it changes. */
  readonly paths: readonly string[]
  /** The bytes that PFS writes for it. */
  readonly bytes: number
  readonly authToken: string | undefined
  /** Whether it must run alone. */
  readonly isExclusive: boolean
}

/** Limits of a batch; its first entry may exceed them. */
export interface BatchLimits {
  readonly changes: number
  readonly bytes: number
}

/** Maximum entries in the queue of a branch. */
const maxWaiting = 10_000

/** If the oldest entry has waited this long, new ones are refused: clients would time out before their turn. */
const slowMilliseconds = 30_000

/** Longest wait for a turn. A staged body lives for ten minutes, and a turn may take two. */
const maxWaitMilliseconds = 300_000

/** Before a turn, the queue waits for writers that it has just answered: this share of the last turn, at most 50 ms. */
const waitShare = 0.25
const maxWaitForWriters = 50

/** The work of a branch's turns. */
export interface TurnWork<E extends Entry> {
  /** Called before a turn with the first entry; the turn waits for the result, which must not reject. */
  prepare(first: E): Promise<void> | undefined
  /** Must not reject. */
  run(batch: readonly E[]): Promise<void>
  /** Called when the queue is empty. */
  onIdle(): void
}

interface QueuedEntry<E extends Entry> {
  readonly entry: E
  /** Time from `performance.now()`. */
  readonly entered: number
  /** Stops the timer and the signal that would refuse it. */
  readonly leave: () => void
}

/** The queue of one branch: first in, first out, one turn at a time; a turn takes a batch of compatible entries. */
export class BranchQueue<E extends Entry> {
  readonly #work: TurnWork<E>
  readonly #limits: BatchLimits
  #queued: QueuedEntry<E>[] = []
  #isBusy = false
  /** Set while a turn waits for more writers: `onArrival` is called once the queue has `size` entries. */
  #awaited: { readonly size: number; readonly onArrival: () => void } | undefined

  constructor(work: TurnWork<E>, limits: BatchLimits) {
    this.#work = work
    this.#limits = limits
  }

  /** Throws RESOURCE_EXHAUSTED if a new entry would wait too long. */
  requireRoom(): void {
    const [oldest] = this.#queued
    const isSlow = oldest !== undefined && performance.now() - oldest.entered > slowMilliseconds
    if (isSlow || this.#queued.length >= maxWaiting) throw tooBusy()
  }

  /** Queues an entry. Calls `refuse` if the signal fires before its turn, or if it has waited too long. */
  enter(entry: E, refuse: (reason: unknown) => void, signal: AbortSignal | undefined): void {
    const giveUp = (reason: unknown): void => {
      this.#queued = this.#queued.filter((each) => each !== queued)
      queued.leave()
      refuse(reason)
    }
    const onAbort = (): void => giveUp(signal?.reason)
    const timer = setTimeout(() => giveUp(tooBusy()), maxWaitMilliseconds)
    const queued: QueuedEntry<E> = {
      entry,
      entered: performance.now(),
      leave: () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      },
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#queued.push(queued)
    if (this.#awaited !== undefined && this.#queued.length >= this.#awaited.size) this.#awaited.onArrival()
    void this.#takeTurns()
  }

  async #takeTurns(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      for (let [first] = this.#queued; first !== undefined; [first] = this.#queued) {
        // Entries that arrive while this waits share the turn.
        const preparation = this.#work.prepare(first.entry)
        if (preparation !== undefined) await preparation
        if (this.#queued.length === 0) break
        const started = performance.now()
        const batch = this.#takeBatch()
        await this.#work.run(batch)
        const writers = batch.length + this.#queued.length
        if (this.#limits.changes > 1 && writers > 1) await this.#waitFor(writers, performance.now() - started)
      }
    } finally {
      this.#isBusy = false
      this.#work.onIdle()
    }
  }

  /**
   * A writer often writes again as soon as it gets its response. Without a short wait, two halves of the writers would
   * alternate, which doubles the number of commits.
   */
  async #waitFor(writers: number, turnMilliseconds: number): Promise<void> {
    const milliseconds = Math.min(turnMilliseconds * waitShare, maxWaitForWriters)
    if (milliseconds < 1 || this.#queued.length >= writers) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#awaited = {
        size: writers,
        onArrival: () => {
          clearTimeout(timer)
          resolve()
        },
      }
    })
    this.#awaited = undefined
  }

  /** Takes the first entry and the compatible ones behind it. An entry never overtakes one with a related path. */
  #takeBatch(): E[] {
    const batch: E[] = []
    const left: QueuedEntry<E>[] = []
    const seen = new PathTrie()
    let changes = 0
    let bytes = 0
    for (const [index, queued] of this.#queued.entries()) {
      const { entry } = queued
      const [first] = batch
      if (first?.isExclusive || changes >= this.#limits.changes || bytes > this.#limits.bytes) {
        left.push(...this.#queued.slice(index))
        break
      }
      const isUnrelated = !entry.paths.some((path) => seen.isRelated(path))
      const fits =
        first === undefined ||
        (!entry.isExclusive &&
          entry.authToken === first.authToken &&
          changes + entry.paths.length <= this.#limits.changes &&
          bytes + entry.bytes <= this.#limits.bytes)
      for (const path of entry.paths) seen.add(path)
      if (!fits || !isUnrelated) {
        left.push(queued)
        continue
      }
      queued.leave()
      batch.push(entry)
      changes += entry.paths.length
      bytes += entry.bytes
    }
    this.#queued = left
    return batch
  }
}

function tooBusy(): PfsError {
  return new PfsError('RESOURCE_EXHAUSTED', 'too many writes are waiting for this branch')
}
