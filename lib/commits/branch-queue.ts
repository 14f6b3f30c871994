import { setTimeout } from 'node:timers/promises'
import { PfsError } from '../pfs/errors.js'
import { PathTrie } from './head.js'

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

/** Before a turn, the queue waits for writers that it has just answered: this share of the last turn, at most 10 ms. */
const waitShare = 0.1
const maxWaitForWriters = 10

interface Place<E extends Entry> {
  readonly entry: E
  readonly entered: number
  readonly leave: () => void
}

/** The queue of one branch: first in, first out, one turn at a time; a turn takes a batch of compatible entries. */
export class BranchQueue<E extends Entry> {
  readonly #run: (batch: readonly E[]) => Promise<void>
  readonly #limits: BatchLimits
  readonly #onIdle: () => void
  #places: Place<E>[] = []
  #isBusy = false

  constructor(run: (batch: readonly E[]) => Promise<void>, limits: BatchLimits, onIdle: () => void) {
    this.#run = run
    this.#limits = limits
    this.#onIdle = onIdle
  }

  /** Throws RESOURCE_EXHAUSTED if a new entry would wait too long. */
  requireRoom(): void {
    const [oldest] = this.#places
    const isSlow = oldest !== undefined && performance.now() - oldest.entered > slowMilliseconds
    if (isSlow || this.#places.length >= maxWaiting) throw tooBusy()
  }

  /** Queues an entry. Calls `refuse` if the signal fires before its turn, or if it has waited too long. */
  enter(entry: E, refuse: (reason: unknown) => void, signal: AbortSignal | undefined): void {
    const giveUp = (reason: unknown): void => {
      this.#places = this.#places.filter((each) => each !== place)
      place.leave()
      refuse(reason)
    }
    const onAbort = (): void => giveUp(signal?.reason)
    const timer = globalThis.setTimeout(() => giveUp(tooBusy()), maxWaitMilliseconds)
    const place: Place<E> = {
      entry,
      entered: performance.now(),
      leave: () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      },
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#places.push(place)
    void this.#takeTurns()
  }

  async #takeTurns(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      while (this.#places.length > 0) {
        const started = performance.now()
        const batch = this.#takeBatch()
        await this.#run(batch)
        const isShared = this.#limits.changes > 1 && batch.length + this.#places.length > 1
        if (isShared) await waitForWriters(performance.now() - started)
      }
    } finally {
      this.#isBusy = false
      this.#onIdle()
    }
  }

  /** Takes the first entry and the compatible ones behind it. An entry never overtakes one with a related path. */
  #takeBatch(): E[] {
    const batch: E[] = []
    const left: Place<E>[] = []
    const seen = new PathTrie()
    let changes = 0
    let bytes = 0
    for (const [index, place] of this.#places.entries()) {
      const { entry } = place
      const [first] = batch
      if (first?.isExclusive || changes >= this.#limits.changes || bytes > this.#limits.bytes) {
        left.push(...this.#places.slice(index))
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
        left.push(place)
        continue
      }
      place.leave()
      batch.push(entry)
      changes += entry.paths.length
      bytes += entry.bytes
    }
    this.#places = left
    return batch
  }
}

/**
 * A writer often writes again as soon as it gets its response. Without a short wait, two halves of the writers would
 * alternate, which doubles the number of commits.
 */
async function waitForWriters(turnMilliseconds: number): Promise<void> {
  const milliseconds = Math.min(turnMilliseconds * waitShare, maxWaitForWriters)
  if (milliseconds >= 1) await setTimeout(milliseconds)
}

function tooBusy(): PfsError {
  return new PfsError('RESOURCE_EXHAUSTED', 'too many writes are waiting for this branch')
}
