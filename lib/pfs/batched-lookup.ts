import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CallObserver, CallOptions } from './client.js'
import { sharedObserver } from './observed-call.js'

/**
 * Looks up values by path. Look-ups in one scope that start in the same turn of the event loop are a batch, and so are those
 * that start while calls for the scope are running.
 */
export interface BatchedLookup<Scope, Value> {
  /** The value at a path, read after this call. @throws the reason for which the batch or the path failed */
  find(scope: Scope, path: string, options: CallOptions): Promise<Value>
}

/**
 * Looks up the paths of a batch, which may repeat. The result returns the value of a path, or throws the reason why that path
 * alone has failed.
 */
export type RunBatch<Scope, Value> = (
  scope: Scope,
  paths: readonly string[],
  options: CallOptions,
) => Promise<(path: string) => Value>

/** Concurrent batches per scope and caller. */
const maxBatches = 3

interface Lookup<Value> {
  readonly path: string
  readonly observer: CallObserver | undefined
  readonly resolve: (value: Value) => void
  readonly reject: (reason: unknown) => void
  /** Whether its caller has cancelled. */
  hasLeft: boolean
  /** Called when the caller cancels. */
  onLeave: () => void
}

/** The look-ups of one caller in one scope. */
interface Group<Scope, Value> {
  readonly scope: Scope
  readonly authToken: string | undefined
  waiting: Lookup<Value>[]
  batches: number
}

/** Creates a look-up whose scopes have the same name if they are the same. */
export function createBatchedLookup<Scope, Value>(
  nameOf: (scope: Scope) => string,
  run: RunBatch<Scope, Value>,
): BatchedLookup<Scope, Value> {
  const groups = new Map<string, Group<Scope, Value>>()

  async function runBatches(key: string, group: Group<Scope, Value>): Promise<void> {
    if (group.batches === maxBatches) return
    group.batches += 1
    // The first look-up waits for the others of this turn of the event loop.
    await nextTurn()
    while (group.waiting.length > 0) {
      const batch = group.waiting.filter(({ hasLeft }) => !hasLeft)
      group.waiting = []
      if (batch.length > 0) await settleBatch(group, batch)
    }
    group.batches -= 1
    if (group.batches === 0) groups.delete(key)
  }

  /** Settles each look-up of a batch; cancels its calls when all callers have left. */
  async function settleBatch(
    { scope, authToken }: Group<Scope, Value>,
    batch: readonly Lookup<Value>[],
  ): Promise<void> {
    const allHaveLeft = new AbortController()
    // Each call of the batch adds a listener, and Node warns at more than ten.
    setMaxListeners(0, allHaveLeft.signal)
    for (const lookup of batch) {
      lookup.onLeave = () => {
        if (batch.every(({ hasLeft }) => hasLeft)) allHaveLeft.abort()
      }
    }
    const observer = sharedObserver(batch.map((lookup) => lookup.observer))
    const options = { signal: allHaveLeft.signal, observer, ...(authToken !== undefined && { authToken }) }
    const paths = batch.map(({ path }) => path)
    try {
      const valueAt = await run(scope, paths, options)
      for (const lookup of batch) settle(lookup, valueAt)
    } catch (reason) {
      for (const { reject } of batch) reject(reason)
    }
  }

  return {
    find(scope, path, { signal, authToken, observer }) {
      const key = JSON.stringify([nameOf(scope), authToken])
      let onAbort = (): void => undefined
      const found = new Promise<Value>((resolve, reject) => {
        signal?.throwIfAborted()
        const group = groups.get(key) ?? { scope, authToken, waiting: [], batches: 0 }
        groups.set(key, group)
        const lookup: Lookup<Value> = { path, observer, resolve, reject, hasLeft: false, onLeave: () => undefined }
        group.waiting.push(lookup)
        onAbort = () => {
          lookup.hasLeft = true
          lookup.onLeave()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        void runBatches(key, group)
      })
      return found.finally(() => signal?.removeEventListener('abort', onAbort))
    },
  }
}

function settle<Value>({ path, resolve, reject }: Lookup<Value>, valueAt: (path: string) => Value): void {
  try {
    resolve(valueAt(path))
  } catch (reason) {
    reject(reason)
  }
}
