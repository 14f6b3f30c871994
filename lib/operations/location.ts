import type { ObjectCall } from './call.js'

/** Where an object is, as `Location` tells it: the path from the root, percent-encoded. */
export function locationOf({ bucket, key }: Pick<ObjectCall, 'bucket' | 'key'>): string {
  return `/${bucket.name}/${key.split('/').map(encodeURIComponent).join('/')}`
}
