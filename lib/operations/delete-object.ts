import { queryValue } from '../http/request.js'
import type { ObjectCall, Operation } from './call.js'
import { isExpecting, readExpectedObject, requireExpectedObject } from './delete-condition.js'
import { immutableVersion } from './immutable-version.js'
import { requireWritable } from './writable.js'
import { commitChange, currentObject } from './write.js'

/** DeleteObject: the next commit is without the key, which is what S3 calls a delete marker. */
export const deleteObject: Operation<ObjectCall> = async (call) => {
  const { gateway, request, bucket, key } = call
  requireWritable(bucket)
  if (queryValue(request, 'versionId') !== undefined) throw immutableVersion()
  const expected = readExpectedObject(request)
  const { commitId } = await commitChange(call, {
    path: gateway.keys.pathFromKey(key),
    ...(isExpecting(expected) && {
      condition: async (current) =>
        requireExpectedObject(current && (await currentObject(call, current)), expected, key),
    }),
  })
  return { status: 204, headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': commitId } }
}
