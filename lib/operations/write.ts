import type { Change } from '../commits/change.js'
import type { Committed } from '../commits/commit-changes.js'
import { committedOf } from '../commits/commit-queue.js'
import { S3Error } from '../errors.js'
import { isMissing } from '../pfs/errors.js'
import { resolveObject, type StoredObject } from '../resolver/object.js'
import type { BucketCall } from './call.js'

/** Makes one change in the bucket's branch, in a commit that it may share; throws what refused it. */
export async function commitChange({ gateway, bucket, options }: BucketCall, change: Change): Promise<Committed> {
  return committedOf(await gateway.commits.commit(bucket.branch, [change], options))
}

/** The object that a commit has just written; InternalError, so that clients try again, where a writer elsewhere has removed it since. */
export async function writtenObject(
  { gateway, bucket, options }: BucketCall,
  path: string,
  { commitId }: Committed,
): Promise<StoredObject> {
  try {
    return await resolveObject(gateway.pfs, { bucket, path, versionId: commitId }, options)
  } catch (cause) {
    const isRemoved = cause instanceof S3Error || isMissing(cause, 'file')
    throw isRemoved ? new S3Error('InternalError', { cause }) : cause
  }
}
