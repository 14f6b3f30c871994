import type { NewContent } from '../../commits/change.js'
import { committedOf } from '../../commits/commit-queue.js'
import { S3Error } from '../../errors.js'
import { header, queryValue } from '../../http/request.js'
import type { S3Response } from '../../http/response.js'
import { xmlResponse } from '../../http/response.js'
import { xmlDocument } from '../../http/xml.js'
import type { Branch } from '../../pfs/client.js'
import { PfsError, unlessMissing } from '../../pfs/errors.js'
import { removalOfParts } from '../../resolver/uploads/parts.js'
import {
  createUploadId,
  noSuchUpload,
  parseUploadId,
  stagingBranch,
  type UploadName,
  uploadPath,
} from '../../resolver/uploads/staging.js'
import { resolveUpload, type Upload, uploadContent } from '../../resolver/uploads/upload.js'
import { type BucketCall, type ObjectCall, requireWritable } from '../call.js'
import { readAttributes } from '../object-attributes.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { parseUploadChecksum } from './upload-checksum.js'

/** CreateMultipartUpload: an empty file on the staging branch, which the first upload of a repo makes. */
export async function createMultipartUpload(call: ObjectCall): Promise<S3Response> {
  const { gateway, request, bucket, key, options } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  // Only for what it refuses: it is known now that the upload could never be completed.
  gateway.keys.pathFromKey(key)
  const checksum = parseUploadChecksum(
    header(request, 'x-amz-checksum-algorithm'),
    header(request, 'x-amz-checksum-type'),
  )
  const attributes = gateway.records.mode !== 'off' && { attributes: readAttributes(request, key) }
  const { head } = await gateway.pfs.inspectBranch(bucket.branch, options)
  const id = createUploadId(new Date(), { keepsMd5: gateway.records.mode !== 'off', ...(checksum && { checksum }) })
  await commitUpload(call, uploadPath({ bucket, key, id }), uploadContent({ head: head?.id, ...attributes }))
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

async function commitUpload(call: BucketCall, path: string, content: NewContent): Promise<void> {
  const branch = stagingBranch(call.bucket.branch.repo)
  const changes = [{ path, content }]
  const commit = async () => committedOf(await call.gateway.commits.commit(branch, changes, call.options))
  if ((await unlessMissing(commit())) !== undefined) return
  await createStagingBranch(call, branch)
  await commit()
}

/** pachd asks for no right on the bucket's repo to make the one beside it, so the right to write is checked first. */
async function createStagingBranch({ gateway, bucket, options }: BucketCall, branch: Branch): Promise<void> {
  const { pfs } = gateway
  const { authInfo } = await pfs.inspectRepo(bucket.branch.repo, options)
  if (authInfo?.permissions.includes('REPO_WRITE') === false) throw new S3Error('AccessDenied')
  try {
    await pfs.createRepo({ repo: branch.repo, description: 'Parts of uploads that are not completed yet' }, options)
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
    if (error.status === 'PERMISSION_DENIED') throw mayNotCreateRepo(branch.repo.project, error)
    if (error.status !== 'ALREADY_EXISTS') throw error
  }
  await pfs.createBranch({ branch }, options)
}

/** Only pachd's own project `default` lets every user create repos. */
function mayNotCreateRepo(project: string, cause: PfsError): S3Error {
  const message = `The first multipart upload to a repo creates a repo for its parts, and you may not create repos in the project "${project}".`
  return new S3Error('AccessDenied', { message, cause })
}

/** AbortMultipartUpload: the upload and its parts are removed. A part that is still on its way is left to the sweep. */
export async function abortMultipartUpload(call: ObjectCall): Promise<S3Response> {
  requireWritable(call.bucket)
  const { id } = uploadNameOf(call)
  await call.gateway.uploadTurns(id.text, () => abort(call))
  return { status: 204 }
}

async function abort(call: ObjectCall): Promise<void> {
  const { gateway, bucket, options } = call
  const upload = await resolveNamedUpload(call)
  const removal = {
    path: uploadPath(upload),
    condition: (current: unknown) => {
      if (current === undefined) throw noSuchUpload(upload.id.text)
    },
  }
  const parts = await removalOfParts(gateway.pfs, upload, options)
  committedOf(await gateway.commits.commit(stagingBranch(bucket.branch.repo), [removal, ...parts], options))
}

/** Reads which upload a request is about; throws NoSuchUpload for an id that was never given out. */
export function uploadNameOf({ request, bucket, key }: ObjectCall): UploadName {
  return { bucket, key, id: parseUploadId(queryValue(request, 'uploadId') ?? '') }
}

/** Asks PFS for the upload that a request is about; throws NoSuchUpload. */
export function resolveNamedUpload(call: ObjectCall): Promise<Upload> {
  return resolveUpload(call.gateway.pfs, uploadNameOf(call), call.options)
}
