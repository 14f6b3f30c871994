import { commonPrefixOf, compareBytes, type Grouping } from '../key-order.js'
import type { KeyChange } from './changes.js'

/** Which versions to list, in the terms of ListObjectVersions. */
export interface VersionQuery extends Grouping {
  /** Lists only keys after this one; if it is a common prefix, only keys after that prefix. '' lists all. */
  readonly keyMarker: string
  /** At least 1. */
  readonly limit: number
}

/** The change of a key in one commit, or a common prefix of several keys. */
type PageEntry =
  | { readonly kind: 'version'; readonly age: number; readonly change: KeyChange; readonly isLatest: boolean }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** A page that collects changes of commits in any order; it keeps only the entries that it will show, and one more. */
export interface VersionPage {
  /** Adds a change of the commit that is `age` commits before the head. */
  readonly add: (age: number, change: KeyChange) => void
  /** Sorted by key, newest first. */
  readonly entries: () => readonly PageEntry[]
  readonly isTruncated: () => boolean
}

interface Slot {
  /** A key or a common prefix. */
  readonly name: string
  readonly age: number
  /** Undefined for a common prefix. */
  readonly change: KeyChange | undefined
}

/**
 * An empty page. If `markerAge` is given, the versions of the marker's key that are older than that come first. Changes
 * for which `isShown` is false are not versions.
 */
export function createVersionPage(
  query: VersionQuery,
  markerAge: number | undefined,
  isShown: (age: number, change: KeyChange) => boolean = () => true,
): VersionPage {
  const { prefix, keyMarker, limit } = query
  const isGroupMarker = keyMarker !== '' && commonPrefixOf(keyMarker, query) === keyMarker
  const slots: Slot[] = []
  let isMarkerKeyNewer = false

  function isBefore(key: string, age: number): boolean {
    const order = compareBytes(key, keyMarker)
    if (order !== 0 || keyMarker === '') return order < 0 || (isGroupMarker && key.startsWith(keyMarker))
    return isGroupMarker || markerAge === undefined || age <= markerAge
  }

  function insert(slot: Slot): void {
    const last = slots[limit]
    if (last !== undefined && compareSlots(slot, last) >= 0) return
    const at = firstIndex(slots, (each) => compareSlots(each, slot) >= 0)
    const there = slots[at]
    if (there !== undefined && compareSlots(there, slot) === 0) {
      // A commit that removed a file may have made a directory marker, or the other way about.
      if (there.change?.hash === undefined) slots[at] = slot
      return
    }
    slots.splice(at, 0, slot)
    if (slots.length > limit + 1) slots.pop()
  }

  function slotOf(change: KeyChange, age: number): Slot {
    const group = commonPrefixOf(change.key, query)
    return group === undefined ? { name: change.key, age, change } : { name: group, age: 0, change: undefined }
  }

  return {
    add: (age, change) => {
      const { key } = change
      if (!isShown(age, change)) return
      if (markerAge !== undefined && key === keyMarker && age <= markerAge) isMarkerKeyNewer = true
      if (key.startsWith(prefix) && !isBefore(key, age)) insert(slotOf(change, age))
    },
    entries: () =>
      slots.slice(0, limit).map(({ name, age, change }, index): PageEntry => {
        if (change === undefined) return { kind: 'prefix', prefix: name }
        const isFirst = slots[index - 1]?.name !== name
        return { kind: 'version', age, change, isLatest: isFirst && !(isMarkerKeyNewer && name === keyMarker) }
      }),
    isTruncated: () => slots.length > limit,
  }
}

function compareSlots(a: Slot, b: Slot): number {
  return compareBytes(a.name, b.name) || a.age - b.age
}

/** The index of the first item that passes a test; all later items must pass it, too (binary search). */
function firstIndex<Item>(items: readonly Item[], test: (item: Item) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    const item = items[middle]
    if (item !== undefined && test(item)) high = middle
    else low = middle + 1
  }
  return low
}
