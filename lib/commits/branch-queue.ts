import { setTimeout } from 'node:timers/promises'
import { PfsError } from '../pfs/errors.js'
import { PathTrie } from './path-trie.js'

/** Something that waits for its turn on a branch. */
export interface Entry {
  readonly paths: readonly string[]
  readonly bytes: number
  readonly authToken: string | undefined
  /** Whether it takes a turn of its own. */
  readonly alone: boolean
}

/** What may go together in one turn. */
export interface BatchLimits {
  readonly changes: number
  readonly bytes: number
}

export type Run<E extends Entry> = (batch: readonly E[]) => Promise<void>

/** Most entries that wait for one branch, and how long one may. */
const maxWaiting = 10_000
const maxWaitMilliseconds = 60_000

/** How long a turn waits for those whom the last one has answered: a share of how long that one took. */
const waitShare = 0.1
const maxWaitForOthers = 10

interface Place<E extends Entry> {
  readonly entry: E
  readonly leave: () => void
}

/** The turns of one branch: one at a time, in order, and whatever may go together together. */
export class BranchQueue<E extends Entry> {
  readonly #run: Run<E>
  readonly #limits: BatchLimits
  readonly #onIdle: () => void
  #places: Place<E>[] = []
  #busy = false
  /** Whether the last turn was of one entry that takes turns of its own. */
  #wasAlone = false

  constructor(run: Run<E>, limits: BatchLimits, onIdle: () => void) {
    this.#run = run
    this.#limits = limits
    this.#onIdle = onIdle
  }

  /**
   * Queues an entry. `refuse` is called instead of a turn when the signal fires, when the entry has waited too long, or
   * at once when too many wait.
   */
  enter(entry: E, refuse: (reason: unknown) => void, signal: AbortSignal | undefined): void {
    if (signal?.aborted || this.#places.length >= maxWaiting) {
      refuse(signal?.aborted ? signal.reason : tooBusy())
      if (this.#places.length === 0 && !this.#busy) this.#onIdle()
      return
    }
    const giveUp = (reason: unknown): void => {
      this.#places = this.#places.filter((each) => each !== place)
      place.leave()
      refuse(reason)
    }
    const onAbort = (): void => giveUp(signal?.reason)
    const timer = globalThis.setTimeout(() => giveUp(tooBusy()), maxWaitMilliseconds)
    const place: Place<E> = {
      entry,
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
    if (this.#busy) return
    this.#busy = true
    try {
      while (this.#places.length > 0) {
        const started = performance.now()
        const batch = this.#takeBatch()
        await this.#run(batch)
        const isShared = this.#limits.changes > 1 && batch.length + this.#places.length > 1
        if (isShared) await waitForOthers(performance.now() - started)
      }
    } finally {
      this.#busy = false
      this.#onIdle()
    }
  }

  /**
   * The first entry and those behind it that may share its turn; none overtakes one that it is related to. After one
   * that was alone those that share come first, so that many of the one kind do not keep the other waiting.
   */
  #takeBatch(): E[] {
    const shared = this.#wasAlone ? this.#takeFitting((entry) => !entry.alone) : []
    const batch = shared.length > 0 ? shared : this.#takeFitting(() => true)
    this.#wasAlone = batch[0]?.alone === true
    return batch
  }

  #takeFitting(mayBeFirst: (entry: E) => boolean): E[] {
    const batch: E[] = []
    const stay: Place<E>[] = []
    const seen = new PathTrie()
    let changes = 0
    let bytes = 0
    for (const [index, place] of this.#places.entries()) {
      const { entry } = place
      const [first] = batch
      if (first?.alone || changes >= this.#limits.changes || bytes > this.#limits.bytes) {
        stay.push(...this.#places.slice(index))
        break
      }
      const isUnrelated = !entry.paths.some((path) => seen.isRelated(path))
      const fits =
        first === undefined
          ? mayBeFirst(entry)
          : !entry.alone &&
            entry.authToken === first.authToken &&
            changes + entry.paths.length <= this.#limits.changes &&
            bytes + entry.bytes <= this.#limits.bytes
      for (const path of entry.paths) seen.add(path)
      if (!fits || !isUnrelated) {
        stay.push(place)
        continue
      }
      place.leave()
      batch.push(entry)
      changes += entry.paths.length
      bytes += entry.bytes
    }
    this.#places = stay
    return batch
  }
}

/**
 * Who was answered by the last turn often writes again at once, and would find the next turn gone: two halves of the
 * writers would take turns. So where there is more than one, a turn begins a little later than it could.
 */
async function waitForOthers(turnMilliseconds: number): Promise<void> {
  const milliseconds = Math.min(turnMilliseconds * waitShare, maxWaitForOthers)
  if (milliseconds >= 1) await setTimeout(milliseconds)
}

function tooBusy(): PfsError {
  return new PfsError('RESOURCE_EXHAUSTED', 'too many writes wait for this branch')
}
