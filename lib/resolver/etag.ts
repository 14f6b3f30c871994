import { asBuffer } from '../bytes.js'

/**
 * The entity tag of a file from its PFS hash. The `-1` keeps clients from taking it for an MD5 of the content and
 * comparing the two.
 */
export function etagFrom(hash: Uint8Array): string {
  return `"${asBuffer(hash).toString('hex')}-1"`
}

/** The entity tag of an object, or of a part, from the MD5 of its content. */
export function etagFromMd5(md5: Uint8Array): string {
  return `"${asBuffer(md5).toString('hex')}"`
}
