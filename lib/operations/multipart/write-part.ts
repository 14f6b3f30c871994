import type { Digest } from '../../checksums/checksums.js'
import { committedOf } from '../../commits/commit-queue.js'
import { type File, type FileOperation, type FileOperations, fileSetRepo } from '../../pfs/client.js'
import { inPieces } from '../../pfs/pieces.js'
import { etagFrom } from '../../resolver/etag.js'
import { checksumPath, partPath, stagingBranch } from '../../resolver/uploads/staging.js'
import type { Upload } from '../../resolver/uploads/upload.js'
import type { BucketCall } from '../call.js'

/** Where a part and its checksum lie in their file set. */
const stagedPart = '/part'
const stagedChecksum = '/checksum'

/** What a part is made of. */
export interface PartSource {
  /** The messages that put it into a file set. */
  readonly operations: FileOperations
  /** Asked once those have ended; undefined where the upload keeps none. */
  readonly checksum: () => Buffer | undefined
}

/** A part that is in PFS. */
export interface WrittenPart {
  /** With its quotes. */
  readonly etag: string
  readonly checksum: Buffer | undefined
}

/**
 * Puts a part into a file set, whose bytes come beside those of other parts, and then into the staging branch by a copy,
 * in a small commit that it may share with them. The part replaces one of the same number; nothing happens if the source
 * throws.
 */
export async function writePart(
  { gateway, options }: BucketCall,
  { bucket, id }: Upload,
  partNumber: number,
  source: PartSource,
): Promise<WrittenPart> {
  let checksum: Buffer | undefined
  async function* operations(): AsyncGenerator<FileOperation> {
    yield* source.operations
    checksum = source.checksum()
    if (checksum !== undefined) yield { addFile: { path: stagedChecksum, raw: checksum } }
  }
  const commit = { repo: fileSetRepo, id: await gateway.pfs.createFileSet(operations(), options) }
  const path = partPath(id, partNumber)
  const changes = [{ path, content: { copyOf: { commit, path: stagedPart } } }]
  if (checksum !== undefined) {
    changes.push({ path: checksumPath(id, partNumber), content: { copyOf: { commit, path: stagedChecksum } } })
  }
  const { repo, name } = stagingBranch(bucket.branch.repo)
  const { commitId } = committedOf(await gateway.commits.commit({ repo, name }, changes, options))
  // Not inspected in the file set: pachd refuses that to callers without a role on the cluster.
  const { hash } = await gateway.pfs.inspectFile({ commit: { repo, id: commitId }, path }, options)
  return { etag: etagFrom(hash), checksum }
}

/** The messages of a part whose bytes come as a stream. */
export async function* partFromBytes(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<FileOperation> {
  for await (const raw of inPieces(bytes)) yield { addFile: { path: stagedPart, raw } }
}

/** The message of a part that is a file of PFS. */
export function partFromFile(src: File): FileOperation {
  return { copyFile: { dst: stagedPart, src } }
}

/** Passes bytes on and digests them. */
export async function* digested(
  bytes: AsyncIterable<Uint8Array>,
  digest: Digest | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    digest?.update(piece)
    yield piece
  }
}
