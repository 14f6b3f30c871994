import { percentByte } from '../encoding.js'

/** Query parameters that would let readers of a log impersonate the caller; the access key may be a Pachyderm token. */
const secretParameter = /^(x-amz-(signature|credential|security-token|s3session-token)|signature|awsaccesskeyid)$/i

/** Separators of parameters, also percent-encoded, as in a malformed target. */
const separator = /([?&]|%3f|%26)/i

/** Characters that are allowed in a value, but that some parsers treat as a separator. */
const weakSeparator = /([;#/]|%3b|%23|%2f)/i

const equalsSign = /=|%3d/i

/**
 * Makes a request target safe to log: replaces the values of presigned parameters with `...`, and percent-encodes every
 * byte other than printable ASCII, so that no control character (C0, C1, bidirectional) reaches a terminal.
 */
export function loggableTarget(target: string): string {
  return target
    .split(separator)
    .map(withoutSecret)
    .join('')
    .replace(/[^\x21-\x7e]/g, (character) =>
      Array.from(Buffer.from(character, bytesOf(character)), percentByte).join(''),
    )
}

/** Makes text from a request safe to log, such as a key: redacts it like a target, and escapes control characters. */
export function loggableText(text: string): string {
  return withoutControls(text.split(separator).map(withoutSecret).join(''))
}

/** Node decodes the bytes of a target as Latin-1. */
function bytesOf(character: string): 'latin1' | 'utf8' {
  return character < '\u0100' ? 'latin1' : 'utf8'
}

/** Redacts up to the last separator that any parser would accept, since a token may contain such characters. */
function withoutSecret(part: string): string {
  if (!equalsSign.test(part)) return part
  const pieces = part.split(weakSeparator)
  for (const [index, piece] of pieces.entries()) {
    const [equals] = equalsSign.exec(piece) ?? []
    if (equals === undefined) continue
    const name = piece.slice(0, piece.indexOf(equals))
    if (!secretParameter.test(decoded(decoded(name)).trim())) continue
    return `${pieces.slice(0, index).join('')}${name}${equals}...`
  }
  return part
}

/** Decodes what is valid and keeps the rest. */
function decoded(name: string): string {
  return name.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_, digits: string) => {
    return String.fromCharCode(Number.parseInt(digits, 16))
  })
}

/** Escapes the control characters of a text (C0, C1, line separators, bidirectional). */
export function withoutControls(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
