import type { Change } from '../commits/change.js'
import type { Committed } from '../commits/commit-changes.js'
import { committedOf } from '../commits/commit-queue.js'
import { S3Error } from '../errors.js'
import { findObject, type StoredObject } from '../resolver/object.js'
import type { BucketCall } from './call.js'

/** Commits one change to the bucket's branch, in a commit that it may share; throws the reason if it is refused. */
export async function commitChange({ gateway, bucket, options }: BucketCall, change: Change): Promise<Committed> {
  return committedOf(await gateway.commits.commit(bucket.branch, [change], options))
}

/**
 * The object that a commit has just written.
 *
 * @throws S3Error InternalError, so that clients try again, if a writer elsewhere has removed it since.
 */
export async function writtenObject(
  { gateway, bucket, options }: BucketCall,
  path: string,
  { commitId }: Committed,
): Promise<StoredObject> {
  const object = await findObject(gateway.pfs, { bucket, path, versionId: commitId }, options)
  if (object === undefined) throw new S3Error('InternalError', { cause: new Error(`${path} is not in ${commitId}`) })
  return object
}
