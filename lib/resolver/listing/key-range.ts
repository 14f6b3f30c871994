import { afterEveryPath, markerBefore } from '../../pfs/path.js'
import { compareBytes } from '../byte-order.js'
import type { KeyCodec } from '../key.js'
import { escapeOf } from './escapes.js'

/** Which keys a page is made from. */
export interface KeyRange {
  readonly keys: KeyCodec
  readonly prefix: string
  /** Where the keys begin. */
  readonly from: string
  /** 'at': from `from` on. 'behind': after it. 'behind-all': after every key that begins with it. */
  readonly mode: 'at' | 'behind' | 'behind-all'
}

/** Where in path order to begin, and which keys lie elsewhere. */
export interface Seek {
  /** A marker. */
  readonly position: string
  /** The places at whose `%` there may be keys of the range that lie before `position`. */
  readonly places: readonly Place[]
}

/** The beginning of a path and of the keys of the paths that begin so. */
export interface Place {
  readonly path: string
  readonly key: string
}

/** Where a key lies in a range. */
export function compareToRange(key: string, { prefix, from, mode }: KeyRange): 'before' | 'in' | 'behind' {
  if (!key.startsWith(prefix)) return compareBytes(key, prefix) < 0 ? 'before' : 'behind'
  if (mode === 'behind-all' && key.startsWith(from)) return 'before'
  const order = compareBytes(key, from)
  return order > 0 || (order === 0 && mode === 'at') ? 'in' : 'before'
}

/** Whether all keys that begin with `start` are behind the range. */
export function isBehind(start: string, { prefix }: KeyRange): boolean {
  return !prefix.startsWith(start) && !start.startsWith(prefix) && compareBytes(start, prefix) > 0
}

/** Whether keys of the range can begin with `start`. */
export function canHold(range: KeyRange, start: string): boolean {
  if (!start.startsWith(range.prefix) && !range.prefix.startsWith(start)) return false
  return !(range.mode === 'behind-all' && start.startsWith(range.from))
}

/**
 * Seeks the beginning of a range among the paths that begin as `place` and go on without an escape. They are in key
 * order, so one position tells where to begin; the keys with an escape further on are elsewhere.
 */
export function seekFrom(place: Place, range: KeyRange): Seek {
  if (!range.from.startsWith(place.key)) return { position: justBefore(place.path), places: [] }
  const places: Place[] = []
  let { path, key } = place
  for (const character of range.from.slice(place.key.length)) {
    const isPlain = isPlainAt(path, character, range.keys)
    if (range.keys.hasEscapes && mayLieApart({ path, key }, character, isPlain, range)) places.push({ path, key })
    if (!isPlain) return { position: besides(path, character), places }
    path += character
    key += character
  }
  if (range.mode === 'at') return { position: justBefore(path), places }
  return { position: path + (range.mode === 'behind' ? justAfter : afterEveryPath), places }
}

/** Behind a path and before all others: `/a` itself as a marker would pass over the directory `/a/` too. */
export const justAfter = '\x1f'

/** The marker from which a read begins with the paths that begin with `path`, but not with that directory itself. */
function justBefore(path: string): string {
  return path.endsWith('/') ? path : markerBefore(path)
}

function isPlainAt(path: string, character: string, { hasEscapes }: KeyCodec): boolean {
  if (character === '/') return !path.endsWith('/')
  if (character === '%') return !hasEscapes
  return escapeOf(character) === undefined || character === '.'
}

/** Whether keys behind `from` can have an escape at this place where `from` has `character`. */
function mayLieApart(place: Place, character: string, isPlain: boolean, { prefix }: KeyRange): boolean {
  if (!isPlain) return true
  if (place.key.length < prefix.length) return character === '.' && place.path.endsWith('/')
  return character > '%'
}

/** The marker behind the paths that go on with something less than `character`, which no path has here. */
function besides(path: string, character: string): string {
  if (character === '%') return `${path}%${afterEveryPath}`
  if (character.length > 1 || character > afterEveryPath) return path + afterEveryPath
  return character > ' ' ? markerBefore(path + character) : path + justAfter
}
