import { createHmac } from 'node:crypto'
import { createRecentMap } from '../recent-map.js'
import { wireBytes } from './wire-bytes.js'

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
