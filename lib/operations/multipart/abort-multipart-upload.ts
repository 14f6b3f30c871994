import { committedOf } from '../../commits/commit-queue.js'
import { removalOfParts } from '../../resolver/uploads/parts.js'
import { stagingBranch, uploadPath } from '../../resolver/uploads/staging.js'
import { noSuchUpload } from '../../resolver/uploads/upload-id.js'
import type { ObjectCall, Operation } from '../call.js'
import { requireWritable } from '../writable.js'
import { resolveNamedUpload, uploadNameOf } from './named-upload.js'

/** AbortMultipartUpload: the upload and its parts are removed. A part that is still on its way is left to the sweep. */
export const abortMultipartUpload: Operation<ObjectCall> = async (call) => {
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
