import { S3Error } from '../errors.js'
import { commitOf } from '../resolver/bucket-name.js'
import type { BucketCall, Operation } from './call.js'
import { requireWritable } from './writable.js'

/** DeleteBucket: deletes an empty branch, and with the last branch its repo. */
export const deleteBucket: Operation<BucketCall> = async (call) => {
  const { gateway, bucket, options } = call
  const { pfs } = gateway
  requireWritable(bucket)
  const fields = { BucketName: bucket.name }
  for await (const _ of pfs.listFile({ file: { commit: commitOf(bucket), path: '/' }, number: 1 }, options)) {
    throw new S3Error('BucketNotEmpty', { fields })
  }
  if (await isLastBranch(call)) {
    // PFS answers that it has deleted nothing, and no error, where the caller has no right to.
    if (!(await pfs.deleteRepo({ repo: bucket.branch.repo }, options))) throw new S3Error('AccessDenied')
  } else {
    await pfs.deleteBranch({ branch: bucket.branch }, options)
  }
  return { status: 204 }
}

async function isLastBranch({ gateway, bucket, options }: BucketCall): Promise<boolean> {
  for await (const { branch } of gateway.pfs.listBranch({ repo: bucket.branch.repo }, options)) {
    if (branch.name !== bucket.branch.name) return false
  }
  return true
}
