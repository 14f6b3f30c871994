import { createHash, type Hash } from 'node:crypto'
import type { Change } from '../commits/change.js'
import { stageBody } from '../commits/stage-content.js'
import { collect } from '../http/byte-reader.js'
import { header } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { type Description, emptyDescription, type ObjectAttributes } from '../records/record.js'
import { type BucketCall, type ObjectCall, requireContentLength, requireWritable } from './call.js'
import { readAttributes } from './object-attributes.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from './unsupported-headers.js'
import { readWriteCondition, type Written, writeObject } from './write.js'

/**
 * PutObject: replaces the whole object after its body has been verified, or changes nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export async function putObject(call: ObjectCall): Promise<S3Response> {
  const { gateway, request, body, bucket, key } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  requireContentLength(call)
  const change = { path: gateway.keys.pathFromKey(key), ...readWriteCondition(call, key) }
  const { commitId, etag } = await writeBody(call, change, readAttributes(request))
  const checksums = Object.fromEntries(body.checksums())
  return {
    status: 200,
    headers: {
      etag,
      'x-amz-version-id': commitId,
      ...encryptionHeaders(header(request, 'x-amz-server-side-encryption')),
      ...checksums,
      ...(Object.keys(checksums).length > 0 && { 'x-amz-checksum-type': 'FULL_OBJECT' }),
    },
  }
}

/**
 * Commits the request's body as a file with its record, after the body has been verified. Small bodies are kept in memory;
 * larger ones are staged in a file set while they arrive. Both then share commits through the same queue.
 *
 * @throws PfsError before the body is read, if too many writes are waiting for the bucket; for a large body also if the
 *   bucket is missing or the caller may not write it
 */
export async function writeBody(call: BucketCall, change: Change, attributes: ObjectAttributes): Promise<Written> {
  const { gateway, bucket, body, options } = call
  gateway.commits.requireRoom(bucket.branch)
  const md5 = gateway.records.mode === 'off' ? undefined : createHash('md5')
  const description = (): Description => describe(call, attributes, md5?.digest('hex'))
  const { length } = body
  if (length !== undefined && length <= gateway.maxSharedBodyBytes) {
    const raw = await collect(body, length, call.request.memory)
    md5?.update(raw)
    return writeObject(call, { ...change, content: { raw }, description: description() })
  }
  await gateway.commits.requireWriteAccess(bucket.branch, options)
  const content = await stageBody(gateway.pfs, md5 === undefined ? body : hashed(body, md5), options)
  return writeObject(call, { ...change, content, description: description() })
}

async function* hashed(body: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const bytes of body) {
    hash.update(bytes)
    yield bytes
  }
}

function describe({ body }: BucketCall, attributes: ObjectAttributes, etag: string | undefined): Description {
  const [given] = body.checksums()
  const checksum = given && {
    algorithm: given[0].replace('x-amz-checksum-', ''),
    type: 'FULL_OBJECT' as const,
    value: given[1],
  }
  return { ...emptyDescription, ...attributes, ...(etag !== undefined && { etag }), ...(checksum && { checksum }) }
}
