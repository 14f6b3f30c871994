import { createHmac, timingSafeEqual } from 'node:crypto'
import { S3Error } from '../errors.js'
import { createRecentMap } from '../recent-map.js'

/** Keys that were used last: to derive one takes four of the five HMACs of a verification. */
const keys = createRecentMap<Buffer>(1000, () => 1)

/** The key that signs everything of one day, region and service; `scope` is `date/region/service/aws4_request`. */
export function signingKey(secretAccessKey: string, scope: string): Buffer {
  const name = `${scope}\n${secretAccessKey}`
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = scope.split('/').reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secretAccessKey}`))
  keys.set(name, key)
  return key
}

/** The HMAC-SHA1 of Signature V2 over text of the wire, in base64. */
export function hmacSha1(secretAccessKey: string, text: string): string {
  return createHmac('sha1', secretAccessKey).update(wireBytes(text)).digest('base64')
}

/** HMAC-SHA256 over text of the wire. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(wireBytes(text)).digest()
}

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

/** Compares two signatures in a time that tells nothing of where they differ. */
export function sameSignature(expected: string, provided: string): boolean {
  const a = Buffer.from(expected, 'latin1')
  const b = Buffer.from(provided, 'latin1')
  return a.length === b.length && timingSafeEqual(a, b)
}
