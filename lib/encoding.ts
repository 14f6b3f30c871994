/** Views the same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Percent-encodes text in UTF-8 as AWS does: every byte except letters, digits, `-`, `.`, `_` and `~`. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => percentByte(character.charCodeAt(0)))
}

const bytes = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)

/** Percent-encodes one byte, with upper-case digits. */
export function percentByte(byte: number): string {
  return bytes[byte] ?? ''
}
