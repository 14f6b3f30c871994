import {
  type ChecksumAlgorithm,
  checksumHeader,
  createDigest,
  parseChecksumAlgorithm,
} from '../../checksums/checksums.js'
import { S3Error } from '../../errors.js'
import { header, queryValue } from '../../http/request.js'
import type { UploadChecksum } from '../../resolver/uploads/upload-id.js'
import type { Call, ObjectCall, Operation } from '../call.js'
import { requireContentLength } from '../content-length.js'
import { parseUploadPartNumber } from '../part-number.js'
import { refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { requireWritable } from '../writable.js'
import { resolveNamedUpload } from './named-upload.js'
import { digested, partFromBytes, writePart } from './write-part.js'

/** UploadPart: the part is kept when its body has been proven, or nothing happens. */
export const uploadPart: Operation<ObjectCall> = async (call) => {
  const { request, body, bucket } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  const partNumber = parseUploadPartNumber(queryValue(request, 'partNumber'))
  requireContentLength(call)
  const upload = await resolveNamedUpload(call)
  const checksum = await checksumOf(call, upload.id.checksum)
  const part = await writePart(call, upload, partNumber, {
    operations: partFromBytes(digested(body, checksum.digest)),
    checksum: checksum.value,
  })
  return { status: 200, headers: { etag: part.etag, ...Object.fromEntries(body.checksums()) } }
}

/** Where the checksum that the upload keeps comes from: the client, or for one of the full object a digest of our own. */
async function checksumOf({ request, body }: Call, kept: UploadChecksum | undefined) {
  if (kept === undefined) return { digest: undefined, value: () => undefined }
  const given = announcedChecksum(request)
  if (given === kept.algorithm) {
    const value = () => Buffer.from(body.checksums().get(checksumHeader(kept.algorithm)) ?? '', 'base64')
    return { digest: undefined, value }
  }
  if (given !== undefined || kept.type === 'COMPOSITE') {
    throw new S3Error('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${kept.algorithm}, actual checksum Type: ${given ?? 'null'}`,
    })
  }
  const digest = await createDigest(kept.algorithm)
  return { digest, value: () => digest.digest() }
}

/** The checksum that the client sends before its body or behind it. */
function announcedChecksum(request: Call['request']): ChecksumAlgorithm | undefined {
  for (const name of [...request.headers.keys(), header(request, 'x-amz-trailer')?.trim().toLowerCase() ?? '']) {
    const [, algorithm = ''] = /^x-amz-checksum-(.+)$/.exec(name) ?? []
    const found = parseChecksumAlgorithm(algorithm)
    if (found !== undefined) return found
  }
  return undefined
}
