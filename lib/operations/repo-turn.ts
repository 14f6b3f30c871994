import type { BucketCall } from './call.js'

/** Makes or deletes branches of a bucket's repo, one request at a time: the repo goes with its last branch. */
export function repoTurn<Result>({ gateway, bucket }: BucketCall, work: () => Promise<Result>): Promise<Result> {
  const { project, name } = bucket.branch.repo
  return gateway.repoTurns(`${project}/${name}`, work)
}
