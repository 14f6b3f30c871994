import { percentByte } from '../encoding.js'

/**
 * The escapes in file paths. Characters that PFS refuses are percent-encoded. A `%` starts an escape only if
 * `encodeSegment` would have written that escape; any other `%` is literal. Every function here is linear in the length
 * of its text.
 */

/** The characters that PFS refuses in a path, and `\`, which it accepts in writes but cannot read. */
const refused = /[\x00-\x1f\x7f!()*+?@[\\\]^{}]|[^\x00-\x7f]/
/** The characters that may need an escape; the flag `u` keeps surrogate pairs together. */
const special = /[%/\x00-\x1f\x7f!()*+?@[\\\]^{}]|[^\x00-\x7f]/gu

/** An escape in a path: its length in the path, and its text in the key. */
export interface Escape {
  readonly length: number
  readonly value: string
}

/** Part of a path. */
export interface PathPart {
  readonly text: string
  /** Start of the segment; -1 if it starts before the `%`. */
  readonly start: number
  /** The index after the part. */
  readonly end: number
  /** The text after the part: the end of the path, a slash, or unknown. */
  readonly next: 'end' | 'slash' | 'any'
}

/** Whether PFS can hold a key unchanged as a path. */
export function isPfsPath(key: string): boolean {
  return !refused.test(key) && !/(^|\/)\.{0,2}(\/|$)/.test(key)
}

/** Encodes a segment of a key; a `/` in a segment is not a separator. */
export function encodeSegment(segment: string, isLast: boolean): string {
  if (segment === '.' || segment === '..') return segment.replaceAll('.', '%2E')
  const whole = wholeSegment(segment, isLast)
  return segment.replace(special, (character, index: number) => {
    // Whether a `%` is an escape depends on digits and `%` after it, which are the same in the key and the path.
    if (character === '%') return isEscape(readEscape(whole, index)) ? '%25' : '%'
    return character < '\x80' ? percentByte(character.charCodeAt(0)) : escapeBytes(character)
  })
}

function escapeBytes(character: string): string {
  let encoded = ''
  for (const byte of Buffer.from(character)) encoded += percentByte(byte)
  return encoded
}

/** Decodes a segment of a path. */
export function decodeSegment(segment: string, isLast: boolean): string {
  const whole = wholeSegment(segment, isLast)
  let decoded = ''
  let index = 0
  for (;;) {
    const percent = segment.indexOf('%', index)
    if (percent < 0) return decoded + segment.slice(index)
    const found = readEscape(whole, percent)
    decoded += segment.slice(index, percent) + (isEscape(found) ? found.value : '%')
    index = percent + (isEscape(found) ? found.length : 1)
  }
}

function wholeSegment(text: string, isLast: boolean): PathPart {
  return { text, start: 0, end: text.length, next: isLast ? 'end' : 'slash' }
}

/** Whether a `%` starts an escape. */
export function isEscape(found: Escape | 'literal' | 'open'): found is Escape {
  return typeof found === 'object'
}

/** Parses the `%` at `index`; 'open' if the result depends on the text after the part. */
export function readEscape(part: PathPart, index: number): Escape | 'literal' | 'open' {
  const { text, start, end } = part
  let digits = index + 1
  // `%25` escapes a `%` only before text that would make that `%` an escape; that text may start with 25 as well.
  while (digits + 2 <= end && text.startsWith('25', digits)) digits += 2
  const found = readCharacter(part, digits, index === start)
  return isEscape(found) && digits > index + 1 ? { length: 3, value: '%' } : found
}

/** Escapes of single ASCII bytes that need no context, by byte. */
const singles = Array.from({ length: 0x80 }, (_, byte): Escape | undefined => {
  const value = String.fromCharCode(byte)
  return refused.test(value) ? { length: 3, value } : undefined
})

/** Sets of hex digits, one bit each: the first digits of escapes, and those of continuation bytes in UTF-8. */
const firstDigits = 0b1111_0000_1011_1111
const followingDigits = 0b0000_1111_0000_0000

/** Parses an escape, starting at its first digit. */
function readCharacter(part: PathPart, digits: number, isAtStart: boolean): Escape | 'literal' | 'open' {
  const byte = readByte(part, digits, firstDigits)
  if (typeof byte === 'string') return byte
  if (byte >= 0x80) return readUtf8(part, digits, byte)
  if (byte === 0x2e) return isAtStart ? readDots(part, digits + 2) : 'literal'
  if (byte !== 0x2f) return singles[byte] ?? 'literal'
  const slash = { length: 3, value: '/' }
  if (isAtStart) return slash
  if (digits + 2 < part.end || part.next === 'slash') return 'literal'
  return part.next === 'any' ? 'open' : slash
}

/** Parses two upper-case hex digits; the first must be in the set `first`. */
function readByte({ text, end, next }: PathPart, index: number, first: number): number | 'literal' | 'open' {
  const missing = next === 'any' ? 'open' : 'literal'
  if (index >= end) return missing
  const high = hexDigit(text.charCodeAt(index))
  if (high < 0 || ((first >> high) & 1) === 0) return 'literal'
  if (index + 1 >= end) return missing
  const low = hexDigit(text.charCodeAt(index + 1))
  return low < 0 ? 'literal' : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x41 && code <= 0x46 ? code - 0x37 : -1
}

/** Parses `.` or `..`, which are escaped only as whole segments; `index` is after the first dot. */
function readDots({ text, end, next }: PathPart, index: number): Escape | 'literal' | 'open' {
  const second = '%2E'
  const rest = text.slice(index, Math.min(end, index + second.length + 1))
  if (next === 'any') {
    if (rest.startsWith('/')) return { length: 3, value: '.' }
    if (rest === `${second}/`) return { length: 6, value: '..' }
    return second.startsWith(rest) ? 'open' : 'literal'
  }
  if (rest === '') return { length: 3, value: '.' }
  return rest === second ? { length: 6, value: '..' } : 'literal'
}

/** Allowed second bytes of UTF-8 by first byte, unless they are 80 to BF. */
const secondBytes: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
])

function readUtf8(part: PathPart, digits: number, lead: number): Escape | 'literal' | 'open' {
  if (lead < 0xc2 || lead > 0xf4) return 'literal'
  const count = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  let code = lead & (0xff >> (count + 1))
  for (let index = 1; index < count; index += 1) {
    const percent = digits + index * 3 - 1
    if (percent < part.end && part.text[percent] !== '%') return 'literal'
    const byte = readByte(part, percent + 1, followingDigits)
    if (typeof byte === 'string') return byte
    const [least, most] = (index === 1 && secondBytes.get(lead)) || [0x80, 0xbf]
    if (byte < least || byte > most) return 'literal'
    code = (code << 6) | (byte & 0x3f)
  }
  return { length: count * 3, value: String.fromCodePoint(code) }
}
