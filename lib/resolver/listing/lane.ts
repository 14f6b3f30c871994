import { percentByte } from '../../percent-encoding.js'
import type { FileInfo } from '../../pfs/client.js'
import { afterEveryPath, markerBefore } from '../../pfs/path.js'
import type { KeyCodec } from '../key.js'
import { escapeOf, type PercentKind, skipUnit, unitAt } from './escapes.js'
import { canHold, justAfter, type KeyRange, type Place, type Seek, seekFrom } from './key-range.js'

/**
 * Paths whose order is that of their keys: those that begin as `place`, then have a `%` of one kind (or anything that is
 * no `%`), and no `%` after that.
 */
export interface Lane {
  readonly place: Place
  readonly kind: PercentKind | 'plain'
  /** What its paths begin with. */
  readonly start: string
  /** What its keys begin with. */
  readonly stem: string
  /** The marker behind what has been taken from it. */
  position: string
  /** No key that is left in it is less. */
  bound: string
  /** The first that is left, once it has been read. */
  entry: KeyedInfo | undefined
}

/** A file, or where the children of a directory are listed a directory, and its key. */
export interface KeyedInfo {
  readonly key: string
  readonly info: FileInfo
}

/** The lane of the paths below a place without an escape. */
export function plainLane(place: Place, position: string): Lane {
  return { place, kind: 'plain', start: place.path, stem: place.key, position, bound: place.key, entry: undefined }
}

/** The lanes of the paths with a `%` at a place, begun where the range begins, and the places where keys lie apart. */
export function percentLanes(place: Place, range: KeyRange): { lanes: Lane[]; places: Place[] } {
  const lanes: Lane[] = []
  const places: Place[] = []
  for (const kind of ['escape', 'literal', 'percent-escape'] as const) {
    const stem = kind === 'escape' ? place.key : `${place.key}%`
    const seek = canHold(range, stem) ? seekAtPercent(place, kind, range) : undefined
    if (seek === undefined) continue
    const start = `${place.path}${kind === 'percent-escape' ? '%25' : '%'}`
    lanes.push({ place, kind, start, stem, position: seek.position, bound: stem, entry: undefined })
    places.push(...seek.places)
  }
  return { lanes, places }
}

/** Where a lane begins; undefined where all its keys are before the range. */
function seekAtPercent({ path, key }: Place, kind: PercentKind, range: KeyRange): Seek | undefined {
  const start = path + (kind === 'percent-escape' ? '%25' : '%')
  const all = { position: markerBefore(start), places: [] }
  if (!range.from.startsWith(key) || range.from === key) return all
  const rest = range.from.slice(key.length)
  const character = String.fromCodePoint(rest.codePointAt(0) ?? 0)
  if (kind !== 'escape') {
    if (character === '%') return seekFrom({ path: start, key: `${key}%` }, range)
    return character < '%' ? all : undefined
  }
  const found = escapeAt(path, rest, character)
  if (found !== undefined) return seekFrom({ path: path + found.text, key: key + found.value }, range)
  if (character === '/' || (character === '.' && path.endsWith('/'))) {
    return { position: markerBefore(path + (escapeOf(character) ?? '')), places: [] }
  }
  // Within the prefix only the escape of this very character would do.
  if (key.length < range.prefix.length) return undefined
  return { position: behindPath(path + percentByte(character.charCodeAt(0))), places: [] }
}

/** The escape with which every key that begins with `rest` begins here, if there is one. */
function escapeAt(path: string, rest: string, character: string): { text: string; value: string } | undefined {
  if (character === '.') {
    const dots = path.endsWith('/') ? /^\.\.?\//.exec(rest)?.[0] : undefined
    return dots === undefined ? undefined : { text: dots.replaceAll('.', '%2E'), value: dots }
  }
  if (character === '/' && !path.endsWith('/')) return undefined
  const text = character === '%' ? undefined : escapeOf(character)
  return text === undefined ? undefined : { text, value: character }
}

/**
 * What a path of a lane is: passed over, cut at a `%` further on, or the lane's own. `ownLength` is how much of the path
 * was read before it goes on as its key does.
 */
export type Step =
  | { readonly kind: 'skip'; readonly position: string }
  | { readonly kind: 'percent'; readonly place: Place; readonly ownLength: number }
  | { readonly kind: 'key'; readonly key: string; readonly ownLength: number }

/** Reads a path that begins as the lane's do. */
export function stepAt(lane: Lane, path: string, keys: KeyCodec): Step {
  let ownLength = lane.place.path.length
  let { key } = lane.place
  if (lane.kind !== 'plain') {
    const unit = unitAt(path, ownLength)
    if (unit.kind !== lane.kind) return { kind: 'skip', position: skipUnit(path, ownLength, unit, lane.kind) }
    ownLength += unit.length
    key += unit.value
  }
  const percent = keys.hasEscapes ? path.indexOf('%', ownLength) : -1
  if (percent >= 0) {
    const place = { path: path.slice(0, percent), key: key + path.slice(ownLength, percent) }
    return { kind: 'percent', place, ownLength }
  }
  key += path.slice(ownLength)
  // What comes before the lane's own unit may be read in another way where the path goes on in another way.
  const isOwn = !lane.place.path.includes('%') || keyAt(path, keys) === key
  return isOwn ? { kind: 'key', key, ownLength } : { kind: 'skip', position: behindPath(path) }
}

function keyAt(path: string, keys: KeyCodec): string {
  return path.endsWith('/') ? keys.prefixFromDirectory(path) : keys.keyFromPath(path)
}

/** The marker behind all paths of a lane whose keys begin with `group`, as that of its entry does. */
export function behindGroup(lane: Lane, { key, info }: KeyedInfo, group: string): string {
  const { path } = info.file
  const least = lane.kind === 'plain' ? 0 : lane.place.path.length + unitAt(path, lane.place.path.length).length
  // Behind the lane's own unit a path goes on as its key does.
  return path.slice(0, Math.max(least, path.length - (key.length - group.length))) + afterEveryPath
}

/** The marker behind a path alone. */
export function behindPath(path: string): string {
  return path + justAfter
}
