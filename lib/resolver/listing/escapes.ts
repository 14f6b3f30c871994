import { percentByte } from '../../percent-encoding.js'
import { markerBefore } from '../../pfs/path.js'
import { encodeSegment, readEscape } from '../key-escapes.js'

/**
 * What a `%` in a path is: the escape of another character, the escape of a `%`, or a `%` that means itself. Paths with
 * the same text before a `%` are in key order within each of the three.
 */
export type PercentKind = 'escape' | 'percent-escape' | 'literal'

/** What stands at a `%` in a path. */
export interface Unit {
  readonly kind: PercentKind
  /** In the path. */
  readonly length: number
  /** In the key. */
  readonly value: string
}

/** What stands at the `%` at `index` of a file's path, or of a directory's with its slash. */
export function unitAt(path: string, index: number): Unit {
  const slash = path.indexOf('/', index)
  const end = slash < 0 ? path.length : slash
  const found = readEscape(path.slice(index, end), path[index - 1] === '/', slash < 0)
  if (found === undefined) return { kind: 'literal', length: 1, value: '%' }
  return { kind: found.value === '%' ? 'percent-escape' : 'escape', length: found.length, value: found.value }
}

/** The escape of one character; undefined for one that stands in paths as it is. */
export function escapeOf(character: string): string | undefined {
  const encoded = encodeSegment(character, true)
  return encoded === character ? undefined : encoded
}

/** The first three characters of each escape except that of `%`, sorted. */
const leads = Array.from({ length: 0xf5 }, (_, byte) => byte)
  .filter((byte) => (byte < 0x80 ? escapeOf(String.fromCharCode(byte)) !== undefined : byte >= 0xc2))
  .map(percentByte)

/**
 * The marker behind `path`, which has `unit` at `index`, from which to look for a path with a unit of kind `wanted`
 * there. It goes as far as can be told without asking PFS.
 */
export function skipUnit(path: string, index: number, unit: Unit, wanted: PercentKind): string {
  const start = path.slice(0, index)
  if (wanted === 'escape') {
    const digits = path.slice(index, index + 3)
    const lead = leads.find((candidate) => candidate >= digits)
    if (lead === digits) return path
    return lead === undefined ? `${start}%\x7f` : markerBefore(start + lead)
  }
  if (unit.kind === 'literal') return path
  if (unit.kind === 'percent-escape') {
    const inner = readEscape(`%${path.slice(index + 3)}`, false, false)
    const isCertain = inner !== undefined && inner.value !== '%'
    return isCertain ? `${path.slice(0, index + 2 + inner.length)}\x7f` : path
  }
  const unitEnd = index + unit.length
  // These are escapes only where a segment is nothing else, or ends.
  const isWholeSegment = unit.value.startsWith('.') || (unit.value === '/' && path[index - 1] !== '/')
  if (!isWholeSegment) return `${path.slice(0, unitEnd)}\x7f`
  return path[unitEnd] === '/' ? `${path.slice(0, unitEnd + 1)}\x7f` : path
}
