import { createHash } from 'node:crypto'
import { checksumLength } from '../../checksums.js'
import type { Change } from '../../commits/change.js'
import { type CommitQueue, committedOf } from '../../commits/commit-queue.js'
import { yieldTurn } from '../../concurrency.js'
import type { CallOptions, FileInfo, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { readTar } from '../../pfs/tar.js'
import { maxPartNumber } from '../../records/record.js'
import { etagFromHash, etagFromMd5 } from '../object.js'
import { checksumPath, type KeptOfParts, partNumberFrom, partPath, partsDirectory, stagingBranch } from './staging.js'
import type { Upload } from './upload.js'

/** A part as stored in PFS. */
export interface Part extends PartDigests {
  readonly partNumber: number
  readonly info: FileInfo
  /** With quotes: the MD5, or the PFS hash if the upload keeps no MD5. */
  readonly etag: string
}

/** Digests that an upload keeps for a part. */
export interface PartDigests {
  readonly md5?: Buffer
  readonly checksum?: Buffer
}

/** Parts after a part number, and their maximum count; 0 means all. */
interface PartPage {
  readonly after: number
  readonly number: number
}

const md5Bytes = 16

/** The content of the file beside a part; undefined if the upload keeps no digests. */
export function digestsContent({ md5, checksum }: PartDigests): Buffer | undefined {
  if (md5 === undefined && checksum === undefined) return undefined
  return Buffer.concat([md5 ?? Buffer.alloc(0), checksum ?? Buffer.alloc(0)])
}

/** The length of that content in bytes. */
function digestsLength({ keepsMd5, checksum }: KeptOfParts): number {
  return (keepsMd5 ? md5Bytes : 0) + (checksum === undefined ? 0 : checksumLength(checksum.algorithm))
}

function digestsFrom({ keepsMd5, checksum }: KeptOfParts, content: Buffer): PartDigests {
  return {
    ...(keepsMd5 && { md5: content.subarray(0, md5Bytes) }),
    ...(checksum && { checksum: content.subarray(keepsMd5 ? md5Bytes : 0) }),
  }
}

/** S3's ETag of an object from the MD5s of its parts, without quotes; undefined if the upload keeps no MD5. */
export function compositeEtag(parts: readonly PartDigests[]): string | undefined {
  const hash = createHash('md5')
  for (const { md5 } of parts) {
    if (md5 === undefined) return undefined
    hash.update(md5)
  }
  return `${hash.digest('hex')}-${parts.length}`
}

/** The parts of an upload in order, with their digests, in two calls. */
export async function listUploadParts(
  pfs: PfsClient,
  upload: Upload,
  page: PartPage,
  options: CallOptions,
): Promise<readonly Part[]> {
  const files: { readonly partNumber: number; readonly info: FileInfo }[] = []
  for await (const file of listPartFiles(pfs, upload, page, options)) files.push(file)
  const numbers = files.map(({ partNumber }) => partNumber)
  const digests = await readDigests(pfs, upload, numbers, options)
  const parts: Part[] = []
  for (const file of files) {
    await yieldTurn()
    const kept = digests.get(file.partNumber) ?? {}
    parts.push({
      ...file,
      ...kept,
      etag: kept.md5 === undefined ? etagFromHash(file.info.hash) : etagFromMd5(kept.md5),
    })
  }
  return parts
}

async function* listPartFiles(
  pfs: PfsClient,
  { commit, id }: Upload,
  { after, number }: PartPage,
  options: CallOptions,
): AsyncGenerator<Pick<Part, 'partNumber' | 'info'>> {
  // With a marker, PFS would scan the parts of all other uploads after it.
  const marker = after === 0 ? {} : { paginationMarker: partPath(id, after) }
  const page = { file: { commit, path: partsDirectory(id) }, number, ...marker }
  for await (const info of pfs.listFile(page, options)) {
    const { path } = info.file
    const partNumber = partNumberFrom(path)
    // Users may write files there, too.
    if (partNumber >= 1 && partNumber <= maxPartNumber && path === partPath(id, partNumber)) yield { partNumber, info }
  }
}

/** The digests of some parts, in one call. A part and its digests are committed together. */
async function readDigests(
  pfs: PfsClient,
  { commit, id }: Upload,
  partNumbers: readonly number[],
  options: CallOptions,
): Promise<ReadonlyMap<number, PartDigests>> {
  const found = new Map<number, PartDigests>()
  const [first] = partNumbers
  const last = partNumbers.at(-1)
  if (first === undefined || last === undefined || !keepsDigests(id)) return found
  const pathRange = { lower: checksumPath(id, first), upper: checksumPath(id, last + 1) }
  const wanted = new Set(partNumbers.map((partNumber) => checksumPath(id, partNumber)))
  try {
    const archive = pfs.getFileTar({ file: { commit, path: '/**' }, pathRange }, options)
    const isWanted = (path: string, size: number): boolean => size === digestsLength(id) && wanted.has(path)
    for await (const { path, content } of readTar(archive, isWanted)) {
      found.set(partNumberFrom(path), digestsFrom(id, content))
    }
  } catch (error) {
    // PFS reports a range without files as a missing file: parts that somebody copied there have no digests.
    if (!isMissing(error, 'file')) throw error
  }
  return found
}

function keepsDigests({ keepsMd5, checksum }: KeptOfParts): boolean {
  return keepsMd5 || checksum !== undefined
}

/** Maximum deletions per commit: those of 10,000 parts together would block the event loop for 60 ms. */
const maxRemovals = 5000

/**
 * Deletes an upload by `removal`, and its parts one by one: PFS refuses to delete a directory while a commit finishes. The
 * deletions are unchecked, since they replace nothing.
 *
 * @throws the reason for which `removal` is refused
 */
export async function removeUpload(
  { pfs, commits }: { readonly pfs: PfsClient; readonly commits: CommitQueue },
  upload: Upload,
  removal: Change,
  options: CallOptions,
): Promise<void> {
  const { id } = upload
  const changes = [removal]
  for await (const { partNumber } of listPartFiles(pfs, upload, { after: 0, number: 0 }, options)) {
    changes.push({ path: partPath(id, partNumber), isUnchecked: true })
    if (keepsDigests(id)) changes.push({ path: checksumPath(id, partNumber), isUnchecked: true })
  }
  for (let start = 0; start < changes.length; start += maxRemovals) {
    const some = changes.slice(start, start + maxRemovals)
    committedOf(await commits.commit(stagingBranch(upload.bucket.branch.repo), some, options))
  }
}
