/** Gives a whole number from 0 to `limit - 1`. */
export type Random = (limit: number) => number

/** A small generator of random numbers that a seed repeats (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

/** One of several by chance. */
export function one<Item>(random: Random, items: readonly Item[]): Item {
  return items[random(items.length)] as Item
}
