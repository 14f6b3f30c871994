import { type ChecksumAlgorithm, checksumHeader, createDigest, parseChecksumAlgorithm } from '../../checksums.js'
import { committedOf } from '../../commits/commit-queue.js'
import { inPieces } from '../../commits/stage-content.js'
import { S3Error } from '../../errors.js'
import { header, queryValue } from '../../http/request.js'
import type { S3Response } from '../../http/response.js'
import { type File, type FileOperation, type FileOperations, fileSetRepo } from '../../pfs/client.js'
import { etagFromHash, etagFromMd5 } from '../../resolver/object.js'
import { stagedPart } from '../../resolver/uploads/join-parts.js'
import { digestsContent, type PartDigests } from '../../resolver/uploads/parts.js'
import {
  checksumPath,
  type KeptOfParts,
  partPath,
  stagingBranch,
  type UploadChecksum,
} from '../../resolver/uploads/staging.js'
import type { Upload } from '../../resolver/uploads/upload.js'
import { type BucketCall, type Call, type ObjectCall, requireContentLength, requireWritable } from '../call.js'
import { parseUploadPartNumber } from '../part-number.js'
import { refuseUnsupportedHeaders } from '../unsupported-headers.js'
import { resolveNamedUpload } from './multipart-upload.js'

/**
 * UploadPart: stores the part after its body has been verified, or changes nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
 */
export async function uploadPart(call: ObjectCall): Promise<S3Response> {
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
  const kept = upload.id.checksum
  return {
    status: 200,
    headers: {
      etag: part.etag,
      ...Object.fromEntries(body.checksums()),
      ...(kept && part.checksum && { [checksumHeader(kept.algorithm)]: part.checksum.toString('base64') }),
    },
  }
}

/**
 * Returns a function for the client's checksum of the part, to be called after the body has been read; undefined if the
 * client sends none. The gateway then computes the checksum, if it is not composite.
 *
 * @throws S3Error InvalidRequest if the client uses another algorithm, or omits a composite checksum
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

/** The algorithm of the checksum that the client sends in a header or trailer. */
function announcedChecksum(request: Call['request']): ChecksumAlgorithm | undefined {
  for (const name of [...request.headers.keys(), header(request, 'x-amz-trailer')?.trim().toLowerCase() ?? '']) {
    const [, algorithm = ''] = /^x-amz-checksum-(.+)$/.exec(name) ?? []
    const found = parseChecksumAlgorithm(algorithm)
    if (found !== undefined) return found
  }
  return undefined
}

/** The path of a part's digests in its file set. */
const stagedDigests = '/digests'

/** The content of a part. */
export interface PartSource {
  /** The messages that write it to a file set. */
  readonly operations: FileOperations
  /** Returns the digests that the upload keeps; called after the messages have ended. */
  readonly digests: () => PartDigests
}

/** A part that is stored in PFS. */
interface WrittenPart {
  /** With quotes. */
  readonly etag: string
  readonly checksum: Buffer | undefined
}

/**
 * Stages a part in a file set, concurrently with other parts, and then copies it to the staging branch in a small commit,
 * which parts may share. The part replaces an earlier one with its number. If the source throws, nothing is changed.
 */
export async function writePart(
  { gateway, options }: BucketCall,
  { bucket, id }: Upload,
  partNumber: number,
  source: PartSource,
): Promise<WrittenPart> {
  let digests: PartDigests = {}
  let hasDigests = false
  async function* operations(): AsyncGenerator<FileOperation> {
    yield* source.operations
    digests = source.digests()
    const raw = digestsContent(digests)
    hasDigests = raw !== undefined
    if (raw !== undefined) yield { addFile: { path: stagedDigests, raw } }
  }
  const commit = { repo: fileSetRepo, id: await gateway.pfs.createFileSet(operations(), options) }
  const path = partPath(id, partNumber)
  const changes = [{ path, content: { copyOf: { commit, path: stagedPart } } }]
  if (hasDigests) {
    changes.push({ path: checksumPath(id, partNumber), content: { copyOf: { commit, path: stagedDigests } } })
  }
  const { repo, name } = stagingBranch(bucket.branch.repo)
  const { commitId } = committedOf(await gateway.commits.commit({ repo, name }, changes, options))
  const file = { commit: { repo, id: commitId }, path }
  const etag = await etagOf(file)
  gateway.stagedParts.add(file, etag, commit.id)
  return { etag, checksum: digests.checksum }

  async function etagOf(file: File): Promise<string> {
    if (digests.md5 !== undefined) return etagFromMd5(digests.md5)
    // Not inspected in the file set, which pachd allows only to callers with a cluster role.
    const { hash } = await gateway.pfs.inspectFile(file, options)
    return etagFromHash(hash)
  }
}

/** The messages of a part that is streamed. */
export async function* partFromBytes(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<FileOperation> {
  for await (const raw of inPieces(bytes)) yield { addFile: { path: stagedPart, raw } }
}

/**
 * The message of a part that is copied from a file in PFS. It appends: a copy that replaces would delete the parts before
 * it when the file sets are joined.
 */
export function partFromFile(src: File): FileOperation {
  return { copyFile: { dst: stagedPart, src, append: true } }
}

/** Computes the digests that an upload keeps for a part while its bytes are streamed. */
interface PartDigester {
  /** Passes the bytes on. */
  readonly digested: (bytes: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>
  /** Call it once, after the bytes have been streamed. */
  readonly digests: () => PartDigests
}

/** Creates a digester for one part; `given` returns the checksum if it is known after the bytes have been streamed. */
export async function createPartDigester(
  { keepsMd5, checksum: kept }: KeptOfParts,
  given?: () => Buffer,
): Promise<PartDigester> {
  const md5 = keepsMd5 ? await createDigest('md5') : undefined
  const sum = kept && given === undefined ? await createDigest(kept.algorithm) : undefined
  return {
    async *digested(bytes) {
      for await (const piece of bytes) {
        md5?.update(piece)
        sum?.update(piece)
        yield piece
      }
    },
    digests: () => {
      const checksum = given?.() ?? sum?.digest()
      return { ...(md5 && { md5: md5.digest() }), ...(checksum && { checksum }) }
    },
  }
}
