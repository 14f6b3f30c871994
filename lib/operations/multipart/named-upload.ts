import { queryValue } from '../../http/request.js'
import type { UploadName } from '../../resolver/uploads/staging.js'
import { resolveUpload, type Upload } from '../../resolver/uploads/upload.js'
import { parseUploadId } from '../../resolver/uploads/upload-id.js'
import type { ObjectCall } from '../call.js'

/** Reads which upload a request is about; throws NoSuchUpload for an id that was never given out. */
export function uploadNameOf({ request, bucket, key }: ObjectCall): UploadName {
  return { bucket, key, id: parseUploadId(queryValue(request, 'uploadId') ?? '') }
}

/** Asks PFS for the upload that a request is about; throws NoSuchUpload. */
export function resolveNamedUpload(call: ObjectCall): Promise<Upload> {
  return resolveUpload(call.gateway.pfs, uploadNameOf(call), call.options)
}
