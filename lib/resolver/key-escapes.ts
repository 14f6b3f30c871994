import { percentByte } from '../percent-encoding.js'

/**
 * How a key that PFS could not hold as a path is written in one: percent-encoded, and only where it must be. An escape
 * is read as one only where it would have been written, so that every other `%` in a path or key means itself.
 */

/** What PFS refuses in a path, and `\`, which it accepts and then cannot read. */
const refused = /[\x00-\x1f\x7f!()*+?@[\\\]^{}]|[^\x00-\x7f]/
const hexByte = /^%([0-9A-F]{2})/

/** A stretch of encoded text and the character that it stands for. */
interface Escape {
  readonly length: number
  readonly value: string
}

/** Whether PFS can hold a key as the path that it reads as. */
export function isPfsPath(key: string): boolean {
  return !refused.test(key) && !/(^|\/)\.{0,2}(\/|$)/.test(key)
}

/** One path segment from a segment of a key; a `/` in it is one that cannot be a separator. */
export function encodeSegment(segment: string, isLast: boolean): string {
  if (segment === '.' || segment === '..') return segment.replaceAll('.', '%2E')
  if (!/[%/]/.test(segment) && !refused.test(segment)) return segment
  const characters = [...segment]
  let encoded = ''
  // From the end, since whether a `%` must be escaped depends on what follows it.
  for (let index = characters.length - 1; index >= 0; index -= 1) {
    const character = characters[index] ?? ''
    const needsEscape =
      character === '%'
        ? readEscape(`%${encoded}`, index === 0, isLast) !== undefined
        : character === '/' || refused.test(character)
    encoded = (needsEscape ? escapeBytes(character) : character) + encoded
  }
  return encoded
}

/** The segment of a key from a path segment. */
export function decodeSegment(segment: string, isLast: boolean): string {
  let decoded = ''
  let index = 0
  for (;;) {
    const percent = segment.indexOf('%', index)
    if (percent < 0) return decoded + segment.slice(index)
    const found = readEscape(segment.slice(percent), percent === 0, isLast)
    decoded += segment.slice(index, percent) + (found?.value ?? '%')
    index = percent + (found?.length ?? 1)
  }
}

/** The escape with which `text` begins, `text` being the rest of a segment from a `%` on. */
export function readEscape(text: string, atStart: boolean, isLast: boolean): Escape | undefined {
  const match = hexByte.exec(text)
  if (match === null) return undefined
  const byte = Number.parseInt(match[1] ?? '', 16)
  const character = String.fromCharCode(byte)
  if (byte >= 0x80) return readUtf8(text, byte)
  if (character === '.') return readDots(text, atStart)
  const single = { length: 3, value: character }
  if (character === '%') {
    return readEscape(`%${text.slice(3)}`, atStart, isLast) === undefined ? undefined : single
  }
  if (character === '/') return atStart || (isLast && text.length === 3) ? single : undefined
  return refused.test(character) ? single : undefined
}

function readDots(text: string, atStart: boolean): Escape | undefined {
  if (!atStart) return undefined
  if (text === '%2E') return { length: 3, value: '.' }
  return text === '%2E%2E' ? { length: 6, value: '..' } : undefined
}

function readUtf8(text: string, lead: number): Escape | undefined {
  const bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  const encoded = text.slice(0, bytes * 3)
  if (!/^(%[0-9A-F]{2}){2,4}$/.test(encoded)) return undefined
  try {
    return { length: encoded.length, value: decodeURIComponent(encoded) }
  } catch {
    // Not one character of UTF-8, so it stands for itself.
    return undefined
  }
}

function escapeBytes(character: string): string {
  return Array.from(Buffer.from(character), percentByte).join('')
}
