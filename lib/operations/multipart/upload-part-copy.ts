import { checksumElement, createDigest, type Digest } from '../../checksums/checksums.js'
import { invalidArgument, type S3Error } from '../../errors.js'
import { answerLate, type DocumentResponse } from '../../http/late-answer.js'
import { type ByteRange, cutTo } from '../../http/range.js'
import { header, queryValue } from '../../http/request.js'
import { xmlResponse } from '../../http/response.js'
import { xmlDocument } from '../../http/xml-writer.js'
import type { CallOptions, FileOperation, PfsClient } from '../../pfs/client.js'
import { readFile } from '../../pfs/exact-path.js'
import type { StoredObject } from '../../resolver/object.js'
import type { ObjectCall, Operation } from '../call.js'
import { resolveCopySource } from '../copy-source.js'
import { parseUploadPartNumber } from '../part-number.js'
import { refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { requireWritable } from '../writable.js'
import { resolveNamedUpload } from './named-upload.js'
import { digested, partFromBytes, partFromFile, writePart } from './write-part.js'

/** UploadPartCopy: of a whole object no bytes are moved; a range of one goes from PFS through here and back to PFS. */
export const uploadPartCopy: Operation<ObjectCall> = async (call) => {
  requireWritable(call.bucket)
  refuseUnsupportedHeaders(call)
  const partNumber = parseUploadPartNumber(queryValue(call.request, 'partNumber'))
  return answerLate(copyPart(call, partNumber))
}

async function copyPart(call: ObjectCall, partNumber: number): Promise<DocumentResponse> {
  const { gateway, request, options } = call
  const upload = await resolveNamedUpload(call)
  const { object } = await resolveCopySource(call)
  const range = parseCopyRange(header(request, 'x-amz-copy-source-range'), object.size)
  const kept = upload.id.checksum
  const digest = kept && (await createDigest(kept.algorithm))
  const part = await writePart(call, upload, partNumber, {
    operations:
      range === undefined
        ? fromWhole(gateway.pfs, object, digest, options)
        : fromRange(gateway.pfs, object, range, digest, options),
    checksum: () => digest?.digest(),
  })
  return xmlResponse(
    xmlDocument('CopyPartResult', {
      LastModified: new Date().toISOString(),
      ETag: part.etag,
      ...(kept && { [checksumElement(kept.algorithm)]: part.checksum?.toString('base64') }),
    }),
    { 'x-amz-copy-source-version-id': object.versionId },
  )
}

/** Bytes are read only where the upload keeps a checksum of them. */
async function* fromWhole(
  pfs: PfsClient,
  { info }: StoredObject,
  digest: Digest | undefined,
  options: CallOptions,
): AsyncGenerator<FileOperation> {
  yield partFromFile(info.file)
  if (digest === undefined) return
  for await (const bytes of readFile(pfs, info.file, {}, options)) digest.update(bytes)
}

function fromRange(
  pfs: PfsClient,
  { info }: StoredObject,
  range: ByteRange,
  digest: Digest | undefined,
  options: CallOptions,
): AsyncGenerator<FileOperation> {
  const bytes = readFile(pfs, info.file, { offset: range.start }, options)
  return partFromBytes(digested(cutTo(range, bytes), digest))
}

/**
 * Reads `bytes=first-last`, the only form that S3 takes here; undefined for the whole. Throws InvalidArgument, also for a
 * range that is not all in the object.
 */
function parseCopyRange(text: string | undefined, size: number): ByteRange | undefined {
  if (text === undefined) return undefined
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(text) ?? []
  const range = { start: Number(first), end: Number(last) }
  if (first === undefined || range.start > range.end) {
    throw invalidRange(
      text,
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    )
  }
  if (range.end >= size) throw invalidRange(text, `Range specified is not valid for source object of size: ${size}`)
  return range
}

function invalidRange(text: string, message: string): S3Error {
  return invalidArgument('x-amz-copy-source-range', { value: text, message })
}
