import { setTimeout } from 'node:timers/promises'
import { createKeyedMutex } from '../concurrency.js'
import type { Branch, CallObserver, CallOptions } from '../pfs/client.js'
import { sharedObserver } from '../pfs/observed-call.js'
import { withTimeLimit } from '../pfs/time-limit.js'
import type { ExpectedObject } from './delete-condition.js'

/** A version to delete. */
export interface NamedVersion {
  readonly key: string
  readonly path: string
  readonly versionId: string
  readonly expected: ExpectedObject
}

/** A version that was deleted or did not exist. */
export interface DeletedVersion {
  readonly isMarker: boolean
}

/** The outcome of each version of a batch. */
export type Deletions = readonly PromiseSettledResult<DeletedVersion>[]

interface Batch {
  readonly named: NamedVersion[]
  readonly observers: (CallObserver | undefined)[]
  readonly outcomes: Promise<Deletions>
}

/** Maximum versions of a batch; its first request may name as many. */
const maxVersions = 1000

/**
 * After a batch of several requests, the next one waits for the clients that were just answered: this share of the last
 * batch's time, at most a quarter of a second. Otherwise, two halves of the clients alternate.
 */
const waitShare = 0.25
const maxWaitMilliseconds = 250

/** Deletes the versions of a branch in one batch after the other: requests of a caller that arrive meanwhile share the next. */
export class VersionBatches {
  readonly #mutex = createKeyedMutex()
  /** The batches that have not begun, by branch and token. */
  readonly #waiting = new Map<string, Batch>()

  /** Runs `work` for a batch that contains `named`; its options have the signal of a time limit, since requests share it. */
  async run(
    { repo, name }: Branch,
    named: readonly NamedVersion[],
    { observer, ...options }: CallOptions,
    work: (named: readonly NamedVersion[], options: CallOptions) => Promise<Deletions>,
  ): Promise<Deletions> {
    const branch = JSON.stringify([repo.project, repo.name, name])
    const id = JSON.stringify([branch, options.authToken])
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined && waiting.named.length + named.length <= maxVersions) {
      const start = waiting.named.length
      waiting.named.push(...named)
      waiting.observers.push(observer)
      return (await waiting.outcomes).slice(start, start + named.length)
    }
    const outcomes = new Promise<Deletions>((resolve, reject) => {
      void this.#mutex(branch, async () => {
        const started = performance.now()
        if (this.#waiting.get(id) === batch) this.#waiting.delete(id)
        const shared = { ...options, observer: sharedObserver(batch.observers) }
        await withTimeLimit(shared, (limited) => work(batch.named, limited)).then(resolve, reject)
        const milliseconds = Math.min((performance.now() - started) * waitShare, maxWaitMilliseconds)
        if (batch.observers.length > 1) await setTimeout(milliseconds)
      })
    })
    const batch: Batch = { named: [...named], observers: [observer], outcomes }
    this.#waiting.set(id, batch)
    return (await outcomes).slice(0, named.length)
  }
}
