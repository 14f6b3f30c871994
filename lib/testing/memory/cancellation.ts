import { PfsError } from '../../pfs/errors.js'

/** Throws CANCELLED if the caller has cancelled the call. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal)
}

/** Settles like `promise`, or rejects with CANCELLED as soon as the caller cancels. */
export async function untilCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  if (signal.aborted) {
    // Its result is ignored now.
    promise.catch(() => {})
    throw cancelled(signal)
  }
  return new Promise((resolve, reject) => {
    const give = () => reject(cancelled(signal))
    signal.addEventListener('abort', give, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', give))
  })
}

/** Awaits `run` for each item in turn. Does not wait for a source that is left early. */
export async function forEachUntilCancelled<T>(
  items: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal | undefined,
  run: (item: T) => Promise<void> | undefined,
): Promise<void> {
  if (Symbol.iterator in items) {
    for (const item of items) {
      throwIfCancelled(signal)
      const running = run(item)
      if (running) await untilCancelled(running, signal)
    }
    return
  }
  const iterator = items[Symbol.asyncIterator]()
  let isDone = false
  try {
    while (!isDone) {
      const result = await untilCancelled(iterator.next(), signal)
      isDone = result.done === true
      const running = result.done ? undefined : run(result.value)
      if (running) await untilCancelled(running, signal)
    }
  } finally {
    // A source that hangs in `next` would hang in `return`, too.
    if (!isDone) iterator.return?.().catch(() => {})
  }
}

function cancelled(signal: AbortSignal): PfsError {
  return new PfsError('CANCELLED', 'context canceled', { cause: signal.reason })
}
