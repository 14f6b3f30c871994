import { compareBytes } from '../byte-order.js'
import type { Lane } from './lane.js'

/** Lanes of which the one with the least bound is taken first; of those with the same, the one that came first. */
export interface LaneHeap {
  add(lane: Lane): void
  /** Takes out the first one. */
  take(): Lane | undefined
}

/** A binary heap: names with many escapes open a great many lanes. */
export function createLaneHeap(): LaneHeap {
  const lanes: Lane[] = []
  const order = new WeakMap<Lane, number>()
  let added = 0

  const isBefore = (a: Lane, b: Lane): boolean => {
    const difference = compareBytes(a.bound, b.bound)
    return difference < 0 || (difference === 0 && (order.get(a) ?? 0) < (order.get(b) ?? 0))
  }

  function rise(lane: Lane, from: number): void {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = lanes[parent]
      if (above === undefined || !isBefore(lane, above)) break
      lanes[index] = above
      index = parent
    }
    lanes[index] = lane
  }

  function sink(lane: Lane): void {
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const [one, other] = [lanes[left], lanes[left + 1]]
      if (one === undefined) break
      const [child, below] = other !== undefined && isBefore(other, one) ? [left + 1, other] : [left, one]
      if (!isBefore(below, lane)) break
      lanes[index] = below
      index = child
    }
    lanes[index] = lane
  }

  return {
    add(lane) {
      if (!order.has(lane)) order.set(lane, added++)
      lanes.push(lane)
      rise(lane, lanes.length - 1)
    },
    take() {
      const [first] = lanes
      const last = lanes.pop()
      if (lanes.length > 0 && last !== undefined) sink(last)
      return first
    },
  }
}
