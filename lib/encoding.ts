/** The same bytes as a Buffer; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Text in UTF-8 as AWS percent-encodes it: every byte but those of letters, digits, `-`, `.`, `_` and `~`. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => percentByte(character.charCodeAt(0)))
}

const bytes = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)

/** One byte percent-encoded, with upper-case digits. */
export function percentByte(byte: number): string {
  return bytes[byte] ?? ''
}
