import { header } from '../http/request.js'
import type { ObjectCall, Operation } from './call.js'
import { requireContentLength } from './content-length.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from './unsupported-headers.js'
import { requireWritable } from './writable.js'
import { writeBody } from './write-body.js'
import { readWriteCondition } from './write-condition.js'

/** PutObject: the key is replaced whole when the body has been proven, or nothing happens. */
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
