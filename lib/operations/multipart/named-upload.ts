import { invalidArgument } from '../../errors.js'
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

/** Reads a part number; throws InvalidArgument unless it is a whole number from 1 to 10,000. */
export function parseUploadPartNumber(text: string | undefined): number {
  const partNumber = Number(text)
  if (/^\d{1,5}$/.test(text ?? '') && partNumber >= 1 && partNumber <= 10_000) return partNumber
  throw invalidArgument('partNumber', {
    value: text ?? '',
    message: 'Part number must be an integer between 1 and 10000, inclusive',
  })
}
