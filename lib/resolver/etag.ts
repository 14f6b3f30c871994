import { asBuffer } from '../bytes.js'

/**
 * The entity tag of a file from its PFS hash. The `-1` keeps clients from taking it for an MD5 of the content and
 * comparing the two.
 */
export function etagFrom(hash: Uint8Array): string {
  return `"${asBuffer(hash).toString('hex')}-1"`
}
