import { type Change, stageBody } from '../commits/change.js'
import { collect } from '../http/collect.js'
import { header } from '../http/request.js'
import { chunkedHashBytes, smallFileHash } from '../pfs/file-hash.js'
import { etagFrom } from '../resolver/etag.js'
import type { BucketCall, ObjectCall, Operation } from './call.js'
import { requireContentLength } from './content-length.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from './unsupported-headers.js'
import { requireWritable } from './writable.js'
import { commitChange, writtenObject } from './write.js'
import { readWriteCondition } from './write-condition.js'

/**
 * PutObject: replaces the whole object once its body has been proven, or changes nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export const putObject: Operation<ObjectCall> = async (call) => {
  const { gateway, request, body, bucket, key } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(request)
  requireContentLength(call)
  const change = { path: gateway.keys.pathFromKey(key), ...readWriteCondition(request, key) }
  const { versionId, etag } = await writeBody(call, change)
  const checksums = Object.fromEntries(body.checksums())
  return {
    status: 200,
    headers: {
      etag,
      'x-amz-version-id': versionId,
      ...encryptionHeaders(header(request, 'x-amz-server-side-encryption')),
      ...checksums,
      ...(Object.keys(checksums).length > 0 && { 'x-amz-checksum-type': 'FULL_OBJECT' }),
    },
  }
}

/** A version that was written. */
export interface Written {
  readonly versionId: string
  /** With its quotes. */
  readonly etag: string
}

/**
 * Commits the request's body as a file, once it has been proven. A small body is held in memory, any other goes to a
 * file set of PFS as it arrives. Both then share commits through the same queue.
 *
 * @throws PfsError before the body is taken if too many writes wait for the bucket, and before a large body is taken also
 *   if the bucket is missing or the caller may not write it
 */
export async function writeBody(call: BucketCall, change: Change): Promise<Written> {
  const { gateway, bucket, body, options } = call
  gateway.commits.requireRoom(bucket.branch)
  const { length } = body
  if (length !== undefined && length <= gateway.maxSharedBodyBytes) return writeSmall(call, change, length)
  await gateway.commits.requireWritable(bucket.branch, options)
  const content = await stageBody(gateway.pfs, body, options)
  return writtenObject(call, change.path, await commitChange(call, { ...change, content }))
}

async function writeSmall(call: BucketCall, change: Change, length: number): Promise<Written> {
  const raw = await collect(call.body, length, call.request.memory)
  const committed = await commitChange(call, { ...change, content: { raw } })
  if (length >= chunkedHashBytes) return writtenObject(call, change.path, committed)
  return { versionId: committed.commitId, etag: etagFrom(await smallFileHash(raw)) }
}
