import { S3Error } from '../errors.js'
import { collect } from '../http/collect.js'
import { header } from '../http/request.js'
import type { Change } from '../pfs/changes.js'
import { chunkedHashBytes, smallFileHash } from '../pfs/file-hash.js'
import { etagFrom } from '../resolver/etag.js'
import type { ObjectCall, Operation } from './call.js'
import { refuseUnsupportedHeaders } from './unsupported-headers.js'
import { requireWritable } from './writable.js'
import { commitChange, writtenObject } from './write.js'
import { readWriteCondition } from './write-condition.js'

interface Written {
  readonly versionId: string
  readonly etag: string
}

/** PutObject: the key is replaced whole when the body has been proven, or nothing happens. */
export const putObject: Operation<ObjectCall> = async (call) => {
  const { gateway, request, body, bucket, key } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(request)
  if (body.length === undefined && header(request, 'transfer-encoding') === undefined) {
    throw new S3Error('MissingContentLength')
  }
  const change = { path: gateway.keys.pathFromKey(key), ...readWriteCondition(request) }
  const { versionId, etag } =
    body.length !== undefined && body.length <= gateway.smallBodyBytes
      ? await putSmall(call, change, body.length)
      : await putLarge(call, change)
  return {
    status: 200,
    headers: { etag, 'x-amz-version-id': versionId, ...Object.fromEntries(body.checksums()) },
  }
}

/** A small body is read and proven before it is queued, so that it can share a commit. */
async function putSmall(call: ObjectCall, change: Change, length: number): Promise<Written> {
  const giveBack = await call.gateway.budget.take(length, call.options.signal)
  try {
    const raw = await collect(call.body, length)
    const committed = await commitChange(call, { ...change, content: { raw } })
    if (length >= chunkedHashBytes) return await writtenObject(call, change.path, committed)
    return { versionId: committed.commitId, etag: etagFrom(await smallFileHash(raw)) }
  } finally {
    giveBack()
  }
}

/** The branch is asked for first: a body of any size is not worth sending to a bucket that is not there. */
async function putLarge(call: ObjectCall, change: Change): Promise<Written> {
  const { gateway, bucket, body, options } = call
  await gateway.pfs.inspectBranch(bucket.branch, options)
  const committed = await gateway.commits.stream(bucket.branch, { ...change, body }, options)
  return writtenObject(call, change.path, committed)
}
