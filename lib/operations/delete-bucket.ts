import { inspectHead } from '../commits/head.js'
import { S3Error } from '../errors.js'
import type { BucketCall, Operation } from './call.js'
import { repoTurn } from './repo-turn.js'
import { requireWritable } from './writable.js'

/**
 * DeleteBucket: deletes an empty branch, and with the last branch its repo; while nothing else is written to the branch,
 * and no other bucket of the repo is made or deleted.
 */
export const deleteBucket: Operation<BucketCall> = async (call) => {
  const { gateway, bucket, options } = call
  requireWritable(bucket)
  await repoTurn(call, () =>
    gateway.commits.exclusively(bucket.branch, options, (limited) => deleteEmpty({ ...call, options: limited })),
  )
  return { status: 204 }
}

async function deleteEmpty(call: BucketCall): Promise<void> {
  const { gateway, bucket, options } = call
  const { pfs } = gateway
  const { branch } = bucket
  const notEmpty = new S3Error('BucketNotEmpty', { fields: { BucketName: bucket.name } })
  const { commitId } = await inspectHead(pfs, branch, options)
  const file = { commit: { repo: branch.repo, id: commitId }, path: '/' }
  for await (const _ of pfs.listFile({ file, number: 1 }, options)) throw notEmpty
  const isLast = await isLastBranch(call)
  // Somebody else may have written since.
  if ((await inspectHead(pfs, branch, options)).commitId !== commitId) throw notEmpty
  if (!isLast) await pfs.deleteBranch({ branch }, options)
  // PFS answers that it has deleted nothing, and no error, where the caller has no right to.
  else if (!(await pfs.deleteRepo({ repo: branch.repo }, options))) throw new S3Error('AccessDenied')
}

async function isLastBranch({ gateway, bucket, options }: BucketCall): Promise<boolean> {
  for await (const { branch } of gateway.pfs.listBranch({ repo: bucket.branch.repo }, options)) {
    if (branch.name !== bucket.branch.name) return false
  }
  return true
}
