import type { Change } from '../commits/change.js'
import { S3Error } from '../errors.js'
import { matchesEtag, preconditionFailed } from '../http/preconditions.js'
import { header } from '../http/request.js'
import type { BucketCall } from './call.js'
import { currentObject } from './write.js'

/**
 * `If-None-Match: *` and `If-Match` of a write, to be held against the object in the branch's turn. Throws
 * NotImplemented for what S3 does not know on a write.
 */
export function readWriteCondition(call: BucketCall, key: string): Pick<Change, 'condition'> {
  const { request } = call
  const ifMatch = header(request, 'if-match')
  const ifNoneMatch = header(request, 'if-none-match')
  if (ifNoneMatch !== undefined && (ifNoneMatch.trim() !== '*' || ifMatch !== undefined)) {
    const additionalMessage =
      ifMatch === undefined
        ? "We don't accept the provided value of If-None-Match header for this API"
        : 'Multiple conditional request headers present in the request'
    throw new S3Error('NotImplemented', { fields: { Header: 'If-None-Match', additionalMessage } })
  }
  if (ifNoneMatch !== undefined) {
    return {
      condition: (current) => {
        if (current !== undefined) throw preconditionFailed('If-None-Match')
      },
    }
  }
  if (ifMatch === undefined) return {}
  return {
    condition: async (current) => {
      if (current === undefined) throw new S3Error('NoSuchKey', { fields: { Key: key } })
      if (!matchesEtag(ifMatch, (await currentObject(call, current)).etag)) throw preconditionFailed('If-Match')
    },
  }
}
