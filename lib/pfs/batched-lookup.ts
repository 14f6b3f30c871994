import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CallObserver, CallOptions } from './client.js'
import { sharedObserver } from './observed-call.js'

/**
 * Looks up values, such as those at paths. Look-ups in one scope that start in the same turn of the event loop are a batch, and so are those
 * that start while calls for the scope are running.
 */
export interface BatchedLookup<Scope, Item, Value> {
  /** The value of an item, read after this call. @throws the reason for which the batch or the item failed */
  find(scope: Scope, item: Item, options: CallOptions): Promise<Value>
}

/**
 * Looks up the items of a batch, which may repeat. The result returns the value of an item, or throws the reason why that item
 * alone has failed.
 */
export type RunBatch<Scope, Item, Value> = (
  scope: Scope,
  items: readonly Item[],
  options: CallOptions,
) => Promise<(item: Item) => Value>

/** Concurrent batches per scope and caller, without those that PFS has not answered for this long, in milliseconds. */
const maxBatches = 3
const slowMilliseconds = 5000

interface Lookup<Item, Value> {
  readonly item: Item
  readonly observer: CallObserver | undefined
  readonly resolve: (value: Value) => void
  readonly reject: (reason: unknown) => void
  /** Whether its caller has cancelled. */
  hasLeft: boolean
  /** Called when the caller cancels. */
  onLeave: () => void
}

/** The look-ups of one caller in one scope. */
interface Group<Scope, Item, Value> {
  readonly scope: Scope
  readonly authToken: string | undefined
  waiting: Lookup<Item, Value>[]
  batches: number
}

/** Creates a look-up whose scopes have the same name if they are the same. */
export function createBatchedLookup<Scope, Item, Value>(
  nameOf: (scope: Scope) => string,
  run: RunBatch<Scope, Item, Value>,
): BatchedLookup<Scope, Item, Value> {
  const groups = new Map<string, Group<Scope, Item, Value>>()

  async function runBatches(key: string, group: Group<Scope, Item, Value>): Promise<void> {
    if (group.batches === maxBatches) return
    group.batches += 1
    // The first look-up waits for the others of this turn of the event loop.
    await nextTurn()
    while (group.waiting.length > 0) {
      const batch = group.waiting.filter(({ hasLeft }) => !hasLeft)
      group.waiting = []
      if (batch.length > 0 && (await settleOrGiveWay(key, group, batch))) return
    }
    endBatches(key, group)
  }

  function endBatches(key: string, group: Group<Scope, Item, Value>): void {
    group.batches -= 1
    if (group.batches === 0 && group.waiting.length === 0) groups.delete(key)
  }

  /** Settles a batch. Returns true if it has taken so long that others have begun in its place. */
  async function settleOrGiveWay(
    key: string,
    group: Group<Scope, Item, Value>,
    batch: readonly Lookup<Item, Value>[],
  ): Promise<boolean> {
    let isReplaced = false
    const timer = setTimeout(() => {
      isReplaced = true
      endBatches(key, group)
      if (group.waiting.length > 0) void runBatches(key, group)
    }, slowMilliseconds).unref()
    await settleBatch(group, batch)
    clearTimeout(timer)
    return isReplaced
  }

  /** Settles each look-up of a batch; cancels its calls when all callers have left. */
  async function settleBatch(
    { scope, authToken }: Group<Scope, Item, Value>,
    batch: readonly Lookup<Item, Value>[],
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
    const items = batch.map(({ item }) => item)
    try {
      const valueOfItem = await run(scope, items, options)
      for (const lookup of batch) settle(lookup, valueOfItem)
    } catch (reason) {
      for (const { reject } of batch) reject(reason)
    }
  }

  return {
    find(scope, item, { signal, authToken, observer }) {
      const key = JSON.stringify([nameOf(scope), authToken])
      let onAbort = (): void => undefined
      const found = new Promise<Value>((resolve, reject) => {
        signal?.throwIfAborted()
        const group = groups.get(key) ?? { scope, authToken, waiting: [], batches: 0 }
        groups.set(key, group)
        const lookup: Lookup<Item, Value> = {
          item,
          observer,
          resolve,
          reject,
          hasLeft: false,
          onLeave: () => undefined,
        }
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

function settle<Item, Value>({ item, resolve, reject }: Lookup<Item, Value>, valueOfItem: (item: Item) => Value): void {
  try {
    resolve(valueOfItem(item))
  } catch (reason) {
    reject(reason)
  }
}
