import { createHmac, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { noteLookup } from '../diagnostics.js'
import { S3Error } from '../errors.js'

/** LRU cache of signing keys: deriving one takes four of the five HMACs of a verification. */
const keys = new LRUCache<string, Buffer>({ max: 1000 })

/** The signing key of one day, region and service; `scope` is `date/region/service/aws4_request`. */
export function signingKey(secretAccessKey: string, scope: string): Buffer {
  const name = `${scope}\n${secretAccessKey}`
  const known = noteLookup('signing-keys', keys.get(name))
  if (known !== undefined) return known
  const key = scope.split('/').reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secretAccessKey}`))
  keys.set(name, key)
  return key
}

/** The HMAC-SHA1 of Signature V2 over text as received on the wire, in base64. */
export function hmacSha1(secretAccessKey: string, text: string): string {
  return createHmac('sha1', secretAccessKey).update(wireBytes(text)).digest('base64')
}

/** HMAC-SHA256 over text as received on the wire. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(wireBytes(text)).digest()
}

/**
 * The bytes of text as received on the wire, which Node decodes as Latin-1.
 *
 * @throws S3Error InvalidRequest for any other character: truncating it to a byte would make different texts sign alike.
 */
export function wireBytes(text: string): Buffer {
  if (/[\u0100-\uffff]/.test(text)) {
    throw new S3Error('InvalidRequest', { message: 'The signed text contains characters that HTTP cannot carry.' })
  }
  return Buffer.from(text, 'latin1')
}

/** Compares two signatures in constant time. */
export function sameSignature(expected: string, provided: string): boolean {
  const a = Buffer.from(expected, 'latin1')
  const b = Buffer.from(provided, 'latin1')
  return a.length === b.length && timingSafeEqual(a, b)
}
