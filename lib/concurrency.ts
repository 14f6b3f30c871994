/** How long all loops together may block one turn of the event loop, in milliseconds. */
const turnMilliseconds = 10

/** FIFO queue of the loops that have yielded. */
const waitingLoops: (() => void)[] = []
/** When a loop first ran in this turn; undefined if none has. */
let turnStarted: number | undefined

/**
 * A long loop awaits this at each step. It yields to the event loop once the loops of all requests have worked for 10 ms, so
 * that other requests are served. Each turn resumes one loop.
 */
export function yieldTurn(): Promise<void> | undefined {
  const now = performance.now()
  if (turnStarted === undefined) {
    turnStarted = now
    setImmediate(beginTurn)
  }
  if (now - turnStarted < turnMilliseconds) return undefined
  return new Promise((resolve) => waitingLoops.push(resolve))
}

function beginTurn(): void {
  turnStarted = undefined
  waitingLoops.shift()?.()
  if (waitingLoops.length === 0) return
  turnStarted = performance.now()
  setImmediate(beginTurn)
}

/** Maps items with at most `limit` calls in progress. Keeps their order; starts no more calls after the first failure. */
export async function mapWithLimit<Item, Result>(
  limit: number,
  items: readonly Item[],
  map: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  const left = items.entries()
  let failed = false
  const work = async (): Promise<void> => {
    for (const [index, item] of left) {
      try {
        results[index] = await map(item, index)
      } catch (reason) {
        failed = true
        throw reason
      }
      if (failed) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work))
  return results
}

/** The result of work, or a rejection with the reason of the signal if that fires first; the work goes on. */
export async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work
  let onAbort = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
  })
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
}

/** A mutex for each name: work of the same name runs one after the other, work of different names concurrently. */
export type KeyedMutex = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>

/** Creates mutexes by name; a mutex is dropped when nothing waits for it. */
export function createKeyedMutex(): KeyedMutex {
  const last = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const before = last.get(name)
    const turn = (before ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => undefined)
    last.set(name, settled)
    try {
      return await turn
    } finally {
      if (last.get(name) === settled) last.delete(name)
    }
  }
}

/** Runs work when fewer than `limit` others are running, first come, first served. */
export type Semaphore = <Result>(work: () => Promise<Result>) => Promise<Result>

/** Creates a semaphore of `limit` permits. */
export function createSemaphore(limit: number): Semaphore {
  const waiting: (() => void)[] = []
  let permits = limit
  return async (work) => {
    if (permits > 0) permits -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) permits += 1
      else next()
    }
  }
}
