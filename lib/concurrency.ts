import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long a loop works before it lets others have the event loop, in milliseconds. */
const sliceMilliseconds = 10

/**
 * Creates a function that a long loop awaits at each step: once the loop has worked for 10 ms, it waits for the next turn
 * of the event loop, so that other requests are served meanwhile.
 */
export function createTimeSlice(): () => Promise<void> {
  let started = performance.now()
  return async () => {
    if (performance.now() - started < sliceMilliseconds) return
    await nextTurn()
    started = performance.now()
  }
}

/** Maps items in order, at most `limit` under way at once; after the first failure, which is thrown, no more are begun. */
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

/** Runs work of one name one after the other, and work of different names at once. */
export type Turns = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>

/** Turns that are forgotten once nobody waits for them. */
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

/** Runs work as soon as fewer than `limit` others run, in order. */
export type Semaphore = <Result>(work: () => Promise<Result>) => Promise<Result>

/** A semaphore of `limit` permits. */
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
