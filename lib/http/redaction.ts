import { percentByte } from '../encoding.js'

/** Query parameters that let readers of a log act as the caller; in Pachyderm's mode the access key is the token. */
const secretParameter = /^(x-amz-(signature|credential|security-token|s3session-token)|signature|awsaccesskeyid)$/i

/** Separators of parameters, also encoded, as in a malformed target. */
const separator = /([?&]|%3f|%26)/i

/** Characters that may stand in a value, and that some parsers take for a separator. */
const weakSeparator = /([;#]|%3b|%23)/i

/**
 * A request target as it may be logged: the values of presigned parameters are replaced by `...`, and every byte that is no
 * printable ASCII is percent-encoded, so that no control character (C0, C1, bidirectional) reaches a terminal.
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

/** Node hands out the bytes of a target as Latin-1. */
function bytesOf(character: string): 'latin1' | 'utf8' {
  return character < '\u0100' ? 'latin1' : 'utf8'
}

/** A secret value ends where no parser would read on: a token may hold what some take for a separator. */
function withoutSecret(part: string): string {
  const pieces = part.split(weakSeparator)
  for (const [index, piece] of pieces.entries()) {
    const [equals] = /=|%3d/i.exec(piece) ?? []
    if (equals === undefined) continue
    const name = piece.slice(0, piece.indexOf(equals))
    if (!secretParameter.test(decoded(decoded(name)).trim())) continue
    return `${pieces.slice(0, index).join('')}${name}${equals}...`
  }
  return part
}

/** Decodes what can be decoded. */
function decoded(name: string): string {
  return name.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_, digits: string) => {
    return String.fromCharCode(Number.parseInt(digits, 16))
  })
}

/** Text with its control characters (C0, C1, line separators, bidirectional) escaped. */
export function withoutControls(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
