import { createHmac } from 'node:crypto'
import { wireBytes } from './wire-bytes.js'

/** The key that signs everything of one day, region and service; `scope` is `date/region/service/aws4_request`. */
export function signingKey(secretAccessKey: string, scope: string): Buffer {
  return scope.split('/').reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secretAccessKey}`))
}

/** The HMAC-SHA1 of Signature V2 over text of the wire, in base64. */
export function hmacSha1(secretAccessKey: string, text: string): string {
  return createHmac('sha1', secretAccessKey).update(wireBytes(text)).digest('base64')
}

/** HMAC-SHA256 over text of the wire. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(wireBytes(text)).digest()
}
