import { createHash } from 'node:crypto'
import { readFile } from '../pfs/path.js'
import { etagFromMd5, type StoredObject } from '../resolver/object.js'
import type { BucketCall } from './call.js'

/** Largest object whose MD5 is computed for a condition, in bytes. */
const maxBytes = 8 * 1024 * 1024

/** Matches a possible MD5 in a list of entity tags. */
const md5 = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f-])/i

/**
 * Adds the MD5 of an object without a recorded ETag to its entity tags, if a condition names an MD5: a client may have
 * received it from another gateway, whose record is still pending. Reads objects of up to 8 MiB; larger ones have only
 * their hash.
 */
export async function withComputedEtag(
  { gateway, options }: BucketCall,
  object: StoredObject,
  conditions: readonly (string | undefined)[],
): Promise<StoredObject> {
  const isAsked = conditions.some((list) => list !== undefined && md5.test(list))
  if (!isAsked || object.description.etag !== undefined || object.size > maxBytes) return object
  const hash = createHash('md5')
  for await (const bytes of readFile(gateway.pfs, object.info.file, {}, options)) hash.update(bytes)
  return { ...object, etags: [...object.etags, etagFromMd5(hash.digest())] }
}
