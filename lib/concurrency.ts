import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long a loop may block the event loop before it yields, in milliseconds. */
const sliceMilliseconds = 10

/**
 * Creates a function that a long loop awaits at each step. It yields to the event loop after 10 ms of work, so that other
 * requests are served.
 */
export function createTimeSlice(): () => Promise<void> {
  let started = performance.now()
  return async () => {
    if (performance.now() - started < sliceMilliseconds) return
    await nextTurn()
    started = performance.now()
  }
}

/** Maps items with at most `limit` calls in progress. Keeps their order; starts no more calls after the first failure. */
export async function eachAtMost<Item, Result>(
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

/** A mutex for each name: work of the same name runs one after the other, work of different names concurrently. */
export type Turns = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>

/** Creates mutexes by name; a mutex is dropped when nothing waits for it. */
export function createTurns(): Turns {
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
