import { commitToMetaBranch } from '../../commits/meta-branch.js'
import { invalidArgument } from '../../errors.js'
import { isSameSecond, parseHttpDate } from '../../http/date.js'
import { preconditionFailed } from '../../http/preconditions.js'
import { type HttpRequest, header, queryValue } from '../../http/request.js'
import type { S3Response } from '../../http/response.js'
import { xmlResponse } from '../../http/response.js'
import { xmlDocument } from '../../http/xml.js'
import { removeUpload } from '../../resolver/uploads/parts.js'
import {
  createUploadId,
  noSuchUpload,
  readUploadId,
  stagingBranch,
  type UploadName,
  uploadPath,
} from '../../resolver/uploads/staging.js'
import { resolveUpload, type Upload, uploadContent } from '../../resolver/uploads/upload.js'
import { type ObjectCall, requireWritable } from '../call.js'
import { readAttributes } from '../object-attributes.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { parseUploadChecksum } from './upload-checksum.js'

/**
 * CreateMultipartUpload: creates an empty file on the staging branch; the first upload of a repo creates that branch.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
 */
export async function createMultipartUpload(call: ObjectCall): Promise<S3Response> {
  const { gateway, request, bucket, key, options } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  // Throws now if the key is invalid, rather than when the upload is completed.
  gateway.keys.pathFromKey(key)
  const checksum = parseUploadChecksum(
    header(request, 'x-amz-checksum-algorithm'),
    header(request, 'x-amz-checksum-type'),
  )
  const attributes = gateway.records.mode !== 'off' && { attributes: readAttributes(request) }
  const { head } = await gateway.pfs.inspectBranch(bucket.branch, options)
  const id = createUploadId(new Date(), { keepsMd5: gateway.records.mode !== 'off', ...(checksum && { checksum }) })
  const upload = { path: uploadPath({ bucket, key, id }), content: uploadContent({ head: head?.id, ...attributes }) }
  await commitToMetaBranch(gateway.pfs, gateway.commits, stagingBranch(bucket.branch.repo), [upload], options)
  return xmlResponse(
    xmlDocument('InitiateMultipartUploadResult', { Bucket: bucket.name, Key: key, UploadId: id.text }),
    {
      ...encryptionHeaders(header(request, 'x-amz-server-side-encryption')),
      ...(checksum && {
        'x-amz-checksum-algorithm': checksum.algorithm.toUpperCase(),
        'x-amz-checksum-type': checksum.type,
      }),
    },
  )
}

/**
 * AbortMultipartUpload: deletes the upload and its parts. A part that is still being uploaded is left to the sweep.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
 */
export async function abortMultipartUpload(call: ObjectCall): Promise<S3Response> {
  requireWritable(call.bucket)
  const { id } = await uploadNameOf(call)
  requireInitiated(call.request, id.initiated)
  await call.gateway.uploadMutex(id.text, () => abort(call))
  return { status: 204 }
}

/** Throws PreconditionFailed unless the upload began at the time that the client expects, to the second. */
function requireInitiated(request: HttpRequest, initiated: Date): void {
  const name = 'x-amz-if-match-initiated-time'
  const value = header(request, name)
  if (value === undefined) return
  const expected = parseHttpDate(value)
  if (expected === undefined) throw invalidArgument(name, { value })
  if (!isSameSecond(expected, initiated)) throw preconditionFailed(name)
}

async function abort(call: ObjectCall): Promise<void> {
  const upload = await resolveNamedUpload(call)
  const removal = {
    path: uploadPath(upload),
    condition: (current: unknown) => {
      if (current === undefined) throw noSuchUpload(upload.id.text)
    },
  }
  await removeUpload(call.gateway, upload, removal, call.options)
}

/**
 * The upload that a request addresses.
 *
 * @throws S3Error NoSuchUpload if the gateway cannot have issued its id; PfsError if the bucket is missing
 */
export async function uploadNameOf({ gateway, request, bucket, key, options }: ObjectCall): Promise<UploadName> {
  const text = queryValue(request, 'uploadId') ?? ''
  const id = readUploadId(text)
  if (id !== undefined) return { bucket, key, id }
  await gateway.pfs.inspectBranch(bucket.branch, options)
  throw noSuchUpload(text)
}

/** Looks up the upload that a request addresses; throws as `uploadNameOf` does. */
export async function resolveNamedUpload(call: ObjectCall): Promise<Upload> {
  return resolveUpload(call.gateway.pfs, await uploadNameOf(call), call.options)
}
