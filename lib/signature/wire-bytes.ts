import { S3Error } from '../errors.js'

/**
 * The bytes of text that came off the wire, which Node hands out as Latin-1. Throws InvalidRequest for text that cannot
 * have come so: to cut it to bytes would let two texts pass for one.
 */
export function wireBytes(text: string): Buffer {
  if (/[\u0100-\uffff]/.test(text)) {
    throw new S3Error('InvalidRequest', { message: 'What was signed holds characters that HTTP cannot carry.' })
  }
  return Buffer.from(text, 'latin1')
}
