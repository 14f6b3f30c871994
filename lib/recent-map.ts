/** Values by name, of which those that were asked for longest ago go first when there are too many. */
export interface RecentMap<Value> {
  get(name: string): Value | undefined
  set(name: string, value: Value): void
}

/** A map whose values weigh at most `capacity` in all, each as `weigh` says. */
export function createRecentMap<Value>(capacity: number, weigh: (value: Value) => number): RecentMap<Value> {
  const values = new Map<string, Value>()
  let weight = 0

  function remove(name: string, value: Value): void {
    values.delete(name)
    weight -= weigh(value)
  }

  return {
    get: (name) => {
      const value = values.get(name)
      if (value === undefined) return undefined
      // A Map keeps the order of insertion, so the last one used goes to its end.
      values.delete(name)
      values.set(name, value)
      return value
    },
    set: (name, value) => {
      const known = values.get(name)
      if (known !== undefined) remove(name, known)
      values.set(name, value)
      weight += weigh(value)
      for (const [oldest, old] of values) {
        if (weight <= capacity) return
        remove(oldest, old)
      }
    },
  }
}
