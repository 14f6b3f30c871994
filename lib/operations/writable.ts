import { S3Error } from '../errors.js'
import type { Bucket } from '../resolver/bucket-name.js'

/** Throws for a bucket at a commit: history does not change. */
export function requireWritable(bucket: Bucket): void {
  if (bucket.at === undefined) return
  throw new S3Error('MethodNotAllowed', {
    message: `The bucket ${bucket.name} is a branch at one commit and cannot be written. Write to the branch itself.`,
    fields: { BucketName: bucket.name },
  })
}
