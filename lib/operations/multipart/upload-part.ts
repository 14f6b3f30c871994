import { type ChecksumAlgorithm, checksumHeader, parseChecksumAlgorithm } from '../../checksums/checksums.js'
import { S3Error } from '../../errors.js'
import { header, queryValue } from '../../http/request.js'
import type { UploadChecksum } from '../../resolver/uploads/upload-id.js'
import type { Call, ObjectCall, Operation } from '../call.js'
import { requireContentLength } from '../content-length.js'
import { parseUploadPartNumber } from '../part-number.js'
import { refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { requireWritable } from '../writable.js'
import { resolveNamedUpload } from './named-upload.js'
import { createPartDigester, partFromBytes, writePart } from './write-part.js'

/** UploadPart: the part is kept when its body has been proven, or nothing happens. */
export const uploadPart: Operation<ObjectCall> = async (call) => {
  const { request, body, bucket } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  const partNumber = parseUploadPartNumber(queryValue(request, 'partNumber'))
  requireContentLength(call)
  const upload = await resolveNamedUpload(call)
  const digester = await createPartDigester(upload.id, givenChecksum(call, upload.id.checksum))
  const part = await writePart(call, upload, partNumber, {
    operations: partFromBytes(digester.digested(body)),
    digests: digester.digests,
  })
  return { status: 200, headers: { etag: part.etag, ...Object.fromEntries(body.checksums()) } }
}

/**
 * Returns the checksum that the upload keeps, once the body has been read, if the client sends it. If not, one of the full
 * object can be computed here.
 *
 * @throws S3Error InvalidRequest if the client sends another one, or none of a composite one
 */
function givenChecksum({ request, body }: Call, kept: UploadChecksum | undefined): (() => Buffer) | undefined {
  if (kept === undefined) return undefined
  const given = announcedChecksum(request)
  if (given === kept.algorithm) {
    return () => Buffer.from(body.checksums().get(checksumHeader(kept.algorithm)) ?? '', 'base64')
  }
  if (given !== undefined || kept.type === 'COMPOSITE') {
    throw new S3Error('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${kept.algorithm}, actual checksum Type: ${given ?? 'null'}`,
    })
  }
  return undefined
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
