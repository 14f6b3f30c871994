import type { Change } from '../commits/change.js'
import { collect } from '../http/collect.js'
import { chunkedHashBytes, smallFileHash } from '../pfs/file-hash.js'
import { etagFrom } from '../resolver/etag.js'
import type { BucketCall } from './call.js'
import { commitChange, writtenObject } from './write.js'

/** What was written. */
export interface Written {
  readonly versionId: string
  /** With its quotes. */
  readonly etag: string
}

/**
 * Makes a file of the request's body, once that has been proven; in a shared commit if the body is small.
 */
export async function writeBody(call: BucketCall, change: Change): Promise<Written> {
  const { length } = call.body
  if (length === undefined || length > call.gateway.smallBodyBytes) return writeLarge(call, change)
  return writeSmall(call, change, length)
}

/** A small body is read and proven before it is queued, so that it can share a commit. */
async function writeSmall(call: BucketCall, change: Change, length: number): Promise<Written> {
  const raw = await collect(call.body, length, call.request.memory)
  const committed = await commitChange(call, { ...change, content: { raw } })
  if (length >= chunkedHashBytes) return writtenObject(call, change.path, committed)
  return { versionId: committed.commitId, etag: etagFrom(await smallFileHash(raw)) }
}

async function writeLarge(call: BucketCall, change: Change): Promise<Written> {
  const { gateway, bucket, body, options } = call
  const committed = await gateway.commits.stream(bucket.branch, { ...change, body }, options)
  return writtenObject(call, change.path, committed)
}
