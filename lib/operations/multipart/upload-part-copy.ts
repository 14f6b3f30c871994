import { checksumElement } from '../../checksums.js'
import { stageCopy } from '../../commits/stage-content.js'
import { invalidArgument, type S3Error } from '../../errors.js'
import { type ByteRange, cutTo } from '../../http/range.js'
import { header, queryValue } from '../../http/request.js'
import type { S3Response } from '../../http/response.js'
import { type DocumentResponse, type Headers, respondLate, xmlResponse } from '../../http/response.js'
import { xmlDocument } from '../../http/xml.js'
import type { FileOperation } from '../../pfs/client.js'
import { readFile } from '../../pfs/path.js'
import type { StoredObject } from '../../resolver/object.js'
import type { KeptOfParts } from '../../resolver/uploads/staging.js'
import { type ObjectCall, requireWritable } from '../call.js'
import { resolveCopySource } from '../copy-object.js'
import { parseUploadPartNumber } from '../part-number.js'
import { refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { resolveNamedUpload } from './multipart-upload.js'
import { createPartDigester, type PartSource, partFromBytes, partFromFile, writePart } from './upload-part.js'

/**
 * UploadPartCopy: copies a whole object without moving bytes; a range is read from PFS and written back.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
 */
export async function uploadPartCopy(call: ObjectCall): Promise<S3Response> {
  requireWritable(call.bucket)
  refuseUnsupportedHeaders(call)
  const partNumber = parseUploadPartNumber(queryValue(call.request, 'partNumber'))
  return respondLate((announce) => copyPart(call, partNumber, announce))
}

async function copyPart(
  call: ObjectCall,
  partNumber: number,
  announce: (headers: Headers) => void,
): Promise<DocumentResponse> {
  const { request } = call
  const upload = await resolveNamedUpload(call)
  const source = (await resolveCopySource(call)).object
  const known = { 'x-amz-copy-source-version-id': source.versionId }
  announce(known)
  const object = await held(call, source)
  const range = parseCopyRange(header(request, 'x-amz-copy-source-range'), object.size)
  const kept = upload.id.checksum
  const content = range === undefined ? fromWhole(call, upload.id, object) : fromRange(call, upload.id, object, range)
  const part = await writePart(call, upload, partNumber, await content)
  return xmlResponse(
    xmlDocument('CopyPartResult', {
      LastModified: new Date().toISOString(),
      ETag: part.etag,
      ...(kept && { [checksumElement(kept.algorithm)]: part.checksum?.toString('base64') }),
    }),
    known,
  )
}

/** A file of an open commit may change between the calls that copy and read it, so a staged copy replaces it. */
async function held({ gateway, options }: ObjectCall, object: StoredObject): Promise<StoredObject> {
  const { info } = object
  if (info.committed !== undefined || object.size === 0) return object
  const { copyOf } = await stageCopy(gateway.pfs, info, options)
  return { ...object, info: { ...info, file: copyOf } }
}

/** Copies a whole object inside PFS; reads its bytes only if the upload keeps a checksum, or the hash is not that of the copy. */
async function fromWhole(
  { gateway, options }: ObjectCall,
  kept: KeptOfParts,
  object: StoredObject,
): Promise<PartSource> {
  const { file } = object.info
  // A directory marker is empty and has no file.
  if (object.size === 0) {
    const { digested, digests } = await createPartDigester(kept)
    return { operations: partFromBytes(digested(nothing())), digests }
  }
  if (kept.checksum === undefined && object.info.committed !== undefined) {
    return { operations: [partFromFile(file)], digests: () => (kept.keepsMd5 ? { md5: md5Of(object) } : {}) }
  }
  const { digested, digests } = await createPartDigester(kept)
  async function* operations(): AsyncGenerator<FileOperation> {
    yield partFromFile(file)
    for await (const _ of digested(readFile(gateway.pfs, file, {}, options)));
  }
  return { operations: operations(), digests }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/**
 * The recorded MD5 of an object; otherwise half of its PFS hash, since the client has no bytes to compare with, and S3
 * does not promise an MD5 for parts.
 */
function md5Of({ etag, info }: StoredObject): Buffer {
  const [, md5] = /^"([0-9a-f]{32})"$/.exec(etag) ?? []
  return md5 === undefined ? Buffer.from(info.hash.subarray(0, 16)) : Buffer.from(md5, 'hex')
}

async function fromRange(
  { gateway, options }: ObjectCall,
  kept: KeptOfParts,
  { info }: StoredObject,
  range: ByteRange,
): Promise<PartSource> {
  const { digested, digests } = await createPartDigester(kept)
  const bytes = readFile(gateway.pfs, info.file, { offset: range.start }, options)
  return { operations: partFromBytes(digested(cutTo(range, bytes))), digests }
}

/**
 * Parses `bytes=first-last`, the only form that S3 accepts here; undefined for the whole object. Throws InvalidArgument,
 * also for a range beyond the end of the object.
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
