import { afterEveryPath } from '../pfs/path.js'
import { commitOf } from '../resolver/bucket-name.js'
import type { BucketCall } from './call.js'

/**
 * Throws where the bucket is not there or the caller may not list it. InspectBranch also shows branches that the caller
 * has no right on, so a page is asked for, from behind everything that could be on it.
 */
export async function requireListable({ gateway, bucket, options }: BucketCall): Promise<void> {
  const file = { commit: commitOf(bucket), path: '/' }
  const page = { file, paginationMarker: `/${afterEveryPath}`, number: 1 }
  for await (const _ of gateway.pfs.listFile(page, options));
}
