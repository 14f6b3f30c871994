import { percentByte } from '../../encoding.js'
import { isEscape, readEscape } from '../key-escapes.js'
import { afterEveryCharacter, byteRank } from '../key-order.js'

/** Keys from `low` (inclusive) to `high` (exclusive), in byte order. */
export interface KeyInterval {
  readonly low: string
  readonly high: string
}

/** A range of paths that may have keys in the interval. */
export interface CandidateRange {
  /** The first path that may have such a key. */
  readonly from: string
  /** Set if the search ended at a `%`: all paths with this `%` come before this text. */
  readonly to?: string
}

/**
 * A prefix of paths, parsed as a prefix of keys. Only its relation to the interval matters: `low` and `high` count how
 * many code units of each bound it matches; -1 if it is strictly inside that bound.
 */
interface State {
  /** The length of the prefix of the path. */
  readonly index: number
  readonly low: number
  readonly high: number
  /** Each `%` that was parsed as `as`, although the text after it may still decide otherwise. */
  readonly open: readonly { readonly index: number; readonly as: 'escape' | 'literal' }[]
}

/** Interval bounds are truncated to this many code units, which widens the interval; S3 keys are shorter. */
const maxBoundLength = 1100

/** ASCII characters that some path escapes, sorted. */
const escapable = [
  ...'\x00\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19',
].concat([...'\x1a\x1b\x1c\x1d\x1e\x1f!()*+./?@[\\]^{}\x7f'])
/** Unescaped characters of paths: those before `%` in byte order, and those after it. */
const plainBefore = [...' "#$']
const plainAfter = Array.from({ length: 0x7e - 0x25 }, (_, index) => String.fromCharCode(0x26 + index)).filter(
  (character) => './'.includes(character) || !escapable.includes(character),
)

/**
 * The smallest path, not before `from`, whose key may be in the interval; undefined if no key can be. No path before the
 * result has such a key. `directory` is a prefix of `from` that ends with a slash; `key` is its prefix in keys.
 *
 * Every path after `from` shares a prefix with it and continues with a greater character. The search parses `from` as a
 * prefix of keys, character by character and escape by escape. At each step it looks for the next greater character or
 * escape under which the interval can have keys. The result is the smallest path found this way.
 */
export function firstPath(
  from: string,
  directory: string,
  key: string,
  interval: KeyInterval,
): CandidateRange | undefined {
  const search = createSearch({ low: cut(interval.low), high: cut(interval.high, afterEveryCharacter) })
  const start = search.advance({ index: 0, low: 0, high: 0, open: [] }, key)
  if (start === undefined) return undefined
  const states = search.read(from, { ...start, index: directory.length })
  let least: CandidateRange | undefined
  let shared = 0
  for (let at = states.length - 1; at >= 0; at -= 1) {
    const state = states[at]
    if (state === undefined) break
    // A path that differs from `from` earlier is greater, and an escape is not longer than this.
    if (least !== undefined && state.index + maxEscapeLength < shared) break
    const found = search.after(from, state)
    if (found === undefined || (least !== undefined && least.from <= found.from)) continue
    least = found
    shared = sharedLength(from, found.from)
  }
  return least !== undefined && least.from < from ? { ...least, from } : least
}

const maxEscapeLength = 12
const maxCode = 0x10ffff

function cut(bound: string, end = ''): string {
  return bound.length > maxBoundLength ? bound.slice(0, maxBoundLength) + end : bound
}

function sharedLength(a: string, b: string): number {
  let index = 0
  while (index < a.length && a[index] === b[index]) index += 1
  return index
}

function lesser(a: CandidateRange | undefined, b: CandidateRange | undefined): CandidateRange | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.from <= b.from ? a : b
}

function createSearch(interval: KeyInterval) {
  /** The state after more text of the key; undefined if no key with this prefix is in the interval. */
  function advance(state: State, value: string): State | undefined {
    let { low, high } = state
    for (let index = 0; index < value.length; index += 1) {
      const rank = byteRank(value.charCodeAt(index))
      if (low === interval.low.length) low = -1
      if (low >= 0) {
        const bound = byteRank(interval.low.charCodeAt(low))
        if (rank < bound) return undefined
        low = rank > bound ? -1 : low + 1
      }
      if (high >= 0) {
        if (high === interval.high.length) return undefined
        const bound = byteRank(interval.high.charCodeAt(high))
        if (rank > bound) return undefined
        high = rank < bound ? -1 : high + 1
      }
    }
    return high === interval.high.length ? undefined : { ...state, low, high }
  }

  /** Whether all keys with this prefix are in the interval, or at least the first one is. */
  const isInside = ({ low }: State): boolean => low < 0 || low === interval.low.length

  /** The state after `length` more characters of `path`, which encode `value`; undefined if impossible. */
  function step(path: string, state: State, length: number, value: string, as?: 'escape' | 'literal') {
    const next = advance(state, value)
    if (next === undefined) return undefined
    const index = state.index + length
    const assumed = as === undefined ? state.open : [...state.open, { index: state.index, as }]
    const open = assumed.length === 0 ? assumed : stillOpen(path, index, assumed)
    return open && { ...next, index, open }
  }

  /** The states of all readings of all prefixes of `path`, shortest first. */
  function read(path: string, start: State): State[] {
    const found: State[] = []
    const waiting = new Map<number, State[]>([[start.index, [start]]])
    for (let index = start.index; index <= path.length && waiting.size > 0; index += 1) {
      const states = waiting.get(index) ?? []
      waiting.delete(index)
      for (const state of states) {
        found.push(state)
        for (const next of nextStates(path, state)) {
          const others = waiting.get(next.index)
          if (others === undefined) waiting.set(next.index, [next])
          else others.push(next)
        }
      }
    }
    return found
  }

  function nextStates(path: string, state: State): State[] {
    const { index } = state
    const character = path[index]
    // A marker may contain characters that paths cannot.
    if (character === undefined || character < ' ' || character > '~') return []
    if (character !== '%') return [step(path, state, 1, character)].filter(isDefined)
    const next = [step(path, state, 1, '%', 'literal')]
    if (path.startsWith('%25', index)) next.push(step(path, state, 3, '%', 'escape'))
    const isAtStart = path[index - 1] === '/'
    if (isAtStart && path.startsWith('%2E', index)) next.push(step(path, state, 3, '.', 'escape'))
    if (isAtStart && path.startsWith('%2E%2E', index)) next.push(step(path, state, 6, '..', 'escape'))
    // A trailing slash is escaped, and the path may end here.
    if (path.endsWith('%2F') && index === path.length - 3) next.push(step(path, state, 3, '/', 'escape'))
    const found = readEscape(partOf(path, index, path.length), index)
    if (isEscape(found) && !found.value.startsWith('.') && found.value !== '%') {
      next.push(step(path, state, found.length, found.value))
    }
    return next.filter(isDefined)
  }

  /** The smallest path that shares the state's prefix with `from` and is not before it. */
  function after(from: string, state: State): CandidateRange | undefined {
    const rest = from.slice(state.index, state.index + maxEscapeLength + 1)
    const found = continued(from.slice(0, state.index), rest, state)
    const [open] = state.open
    return found && open ? { to: `${from.slice(0, open.index)}&`, ...found } : found
  }

  /** The smallest path that starts with `path` and continues with something greater than `rest`. */
  function continued(path: string, rest: string, state: State): CandidateRange | undefined {
    if (rest === '' && isInside(state)) return { from: path }
    const floor = rest === '' ? '' : (rest[0] ?? '')
    return (
      plain(path, floor, state, plainBefore) ??
      (floor <= '%' ? escaped(path, floor === '%' ? rest : '', state) : undefined) ??
      plain(path, floor, state, plainAfter)
    )
  }

  /** The range of the next character of the key. */
  function bounds({ low, high }: State): { least: number; most: number } {
    const least = low < 0 ? 0 : (interval.low.codePointAt(low) ?? 0)
    const most = high < 0 ? maxCode : (interval.high.codePointAt(high) ?? 0)
    return {
      least: least === 0xdfff ? Number.POSITIVE_INFINITY : least,
      most: most === 0xdfff ? maxCode : most,
    }
  }

  function plain(path: string, floor: string, state: State, characters: readonly string[]): CandidateRange | undefined {
    const { least, most } = bounds(state)
    for (const character of characters) {
      const code = character.charCodeAt(0)
      if (code < least || character <= floor) continue
      if (code > most) return undefined
      // Segments are not empty.
      if (character === '/' && path.endsWith('/')) continue
      const found = reached(path, character, character, state)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The smallest path that continues with a `%` and is greater than `rest`, which is empty or starts with `%`. */
  function escaped(path: string, rest: string, state: State): CandidateRange | undefined {
    const { least, most } = bounds(state)
    let found: CandidateRange | undefined
    const look = (text: string, value: string, as?: 'escape' | 'literal'): CandidateRange | undefined => {
      const reachedRange = reached(path, text, value, state, as)
      found = lesser(found, reachedRange)
      return reachedRange
    }
    if (least <= 0x25 && most >= 0x25) {
      // Paths that start with `rest` are found from a longer prefix.
      if (rest === '') look('%', '%', 'literal')
      if (rest < '%25' && !rest.startsWith('%25')) look('%25', '%', 'escape')
    }
    for (const character of escapable) {
      const code = character.charCodeAt(0)
      if (code > most) break
      const text = percentByte(code)
      if (character === '%' || code < least || text <= rest || rest.startsWith(text)) continue
      if (character === '.' && !path.endsWith('/')) continue
      if (look(text, character, character === '.' ? 'escape' : undefined) !== undefined) break
    }
    // Two dots are escaped together.
    if (path.endsWith('/') && rest < '%2E%2E') look('%2E%2E', '..', 'escape')
    if (most >= 0x80 && least < Number.POSITIVE_INFINITY && rest <= '%F4\x7f') lookBeyondAscii()
    return found && { ...found, to: found.to ?? `${path}&` }

    function lookBeyondAscii(): void {
      const first = String.fromCodePoint(Math.max(least, 0x80))
      const text = escapeOf(first)
      if (text > rest && !rest.startsWith(text)) look(text, first)
      const own = rest === '' ? 'literal' : readEscape(partOf(rest, 0, rest.length), 0)
      const [last, end] = isEscape(own) && own.value > '\x7f' ? [own.value, rest.slice(0, own.length)] : [first, text]
      const [behind, behindText] = end >= text ? [last, end] : [first, text]
      const next = (behind.codePointAt(0) ?? 0) + 1
      if (next > most) return
      const position = behindText >= rest || rest.startsWith(behindText) ? `${behindText}\x7f` : `${rest}\x01`
      found = lesser(found, { from: path + position })
    }
  }

  function reached(path: string, text: string, value: string, state: State, as?: 'escape' | 'literal') {
    const longer = path + text
    const next = step(longer, { ...state, index: path.length }, text.length, value, as)
    return next === undefined ? undefined : continued(longer, '', next)
  }

  return { advance, read, after }
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined
}

function escapeOf(character: string): string {
  return Array.from(Buffer.from(character), percentByte).join('')
}

/** The readings that are undecided after the text up to `end`; undefined if it contradicts one of them. */
function stillOpen(path: string, end: number, assumed: State['open']): State['open'] | undefined {
  const open = []
  for (const one of assumed) {
    const found = readEscape(partOf(path, one.index, end), one.index)
    if (found === 'open') open.push(one)
    else if (isEscape(found) !== (one.as === 'escape')) return undefined
  }
  return open
}

function partOf(text: string, index: number, end: number) {
  return { text, start: text[index - 1] === '/' ? index : -1, end, next: 'any' } as const
}
