import { compareBytes } from '../byte-order.js'
import { commonPrefixOf, type Grouping } from '../common-prefix.js'
import type { KeyChange, TakeChanges } from './changes.js'

/** Which versions are listed, in the words of ListObjectVersions. */
export interface VersionQuery extends Grouping {
  /** Only keys after it; where it is a common prefix, only keys after all that begin with it. '' for all. */
  readonly keyMarker: string
  /** At least 1. */
  readonly limit: number
}

/** What one commit did to a key, or the common prefix of several keys. */
export type PageEntry =
  | { readonly kind: 'version'; readonly age: number; readonly change: KeyChange; readonly isLatest: boolean }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** A page that fills as changes come in, from any commit first; it holds no more than it will show, and one. */
export interface VersionPage {
  /** Takes the changes of the commit that is `age` commits behind the head. */
  readonly from: (age: number) => TakeChanges
  /** By key, then newest first. */
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

/** An empty page. Where `markerAge` is given, the versions of the marker's key that are older than that come first. */
export function createVersionPage(query: VersionQuery, markerAge: number | undefined): VersionPage {
  const { prefix, keyMarker, limit } = query
  const isGroupMarker = keyMarker !== '' && commonPrefixOf(keyMarker, query) === keyMarker
  const slots: Slot[] = []
  let isMarkerKeyNewer = false

  function isBefore(key: string, age: number): boolean {
    const order = compareBytes(key, keyMarker)
    if (order !== 0 || keyMarker === '') return order < 0 || (isGroupMarker && key.startsWith(keyMarker))
    return isGroupMarker || markerAge === undefined || age <= markerAge
  }

  /** Whether the page has no place for it, nor for what comes after it. */
  function isBeyond(slot: Slot): boolean {
    const last = slots[limit]
    return last !== undefined && compareSlots(slot, last) >= 0
  }

  function insert(slot: Slot): void {
    if (isBeyond(slot)) return
    const at = firstIndex(slots, (each) => compareSlots(each, slot) >= 0)
    const there = slots[at]
    if (there !== undefined && compareSlots(there, slot) === 0) return
    slots.splice(at, 0, slot)
    if (slots.length > limit + 1) slots.pop()
  }

  function slotOf(change: KeyChange, age: number): Slot {
    const group = commonPrefixOf(change.key, query)
    return group === undefined ? { name: change.key, age, change } : { name: group, age: 0, change: undefined }
  }

  function noteMarkerKey(key: string, age: number): void {
    if (markerAge !== undefined && key === keyMarker && age <= markerAge) isMarkerKeyNewer = true
  }

  return {
    from: (age) => ({
      one: (change) => {
        noteMarkerKey(change.key, age)
        if (change.key.startsWith(prefix) && !isBefore(change.key, age)) insert(slotOf(change, age))
      },
      sorted: (changes) => {
        const marker = firstIndex(changes, ({ key }) => compareBytes(key, keyMarker) >= 0)
        noteMarkerKey(changes[marker]?.key ?? '', age)
        const isInside = ({ key }: KeyChange): boolean => compareBytes(key, prefix) >= 0 && !isBefore(key, age)
        let index = firstIndex(changes, isInside)
        for (let change = changes[index]; change?.key.startsWith(prefix); change = changes[index]) {
          const slot = slotOf(change, age)
          if (isBeyond(slot)) return
          insert(slot)
          const isInGroup = slot.change === undefined
          index = isInGroup ? firstIndex(changes, ({ key }) => isBehind(key, slot.name), index) : index + 1
        }
      },
    }),
    entries: () =>
      slots.slice(0, limit).map(({ name, age, change }, index): PageEntry => {
        if (change === undefined) return { kind: 'prefix', prefix: name }
        const isFirst = slots[index - 1]?.name !== name
        return { kind: 'version', age, change, isLatest: isFirst && !(isMarkerKeyNewer && name === keyMarker) }
      }),
    isTruncated: () => slots.length > limit,
  }
}

/** Whether a key comes after all that begin with `group`. */
function isBehind(key: string, group: string): boolean {
  return !key.startsWith(group) && compareBytes(key, group) > 0
}

function compareSlots(a: Slot, b: Slot): number {
  return compareBytes(a.name, b.name) || a.age - b.age
}

/** The index of the first item, from `start` on, for which a test holds that holds for all behind it. */
function firstIndex<Item>(items: readonly Item[], test: (item: Item) => boolean, start = 0): number {
  let low = start
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    const item = items[middle]
    if (item !== undefined && test(item)) high = middle
    else low = middle + 1
  }
  return low
}
