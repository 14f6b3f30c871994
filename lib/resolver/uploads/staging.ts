import { randomBytes } from 'node:crypto'
import { type ChecksumAlgorithm, parseChecksumAlgorithm } from '../../checksums.js'
import { S3Error } from '../../errors.js'
import { type Branch, type Commit, headOf, type Repo } from '../../pfs/client.js'
import type { Bucket } from '../bucket-name.js'

/**
 * The files of uploads, on a branch of the `meta` repo beside the bucket's repo. No bucket name addresses that repo, its
 * rights are those of the user repo, and pipelines use another branch of it.
 *
 *     /uploads/<branch>/<key in hex>.<upload id>     an upload: the state of the branch at its start, in JSON
 *     /parts/<upload id>/<part number>               a part
 *     /checksums/<upload id>/<part number>           its MD5 and its checksum, if the upload keeps them
 *     /completed/<branch>/<key in hex>.<upload id>   the response to a completed upload, in JSON
 *
 * Hex keeps the order of keys, a dot sorts before all digits, and ids start with a time: so uploads are listed in S3's
 * order, and by age.
 */
export const stagingBranchName = 's3-uploads'

/** The branch for the uploads to all buckets of a repo. */
export function stagingBranch({ project, name }: Repo): Branch {
  return { repo: { project, name, type: 'meta' }, name: stagingBranchName }
}

/** The head of that branch, for reads. */
export function stagingCommit(repo: Repo): Commit {
  return headOf(stagingBranch(repo))
}

/** Identifies an upload. */
export interface UploadName {
  readonly bucket: Bucket
  readonly key: string
  readonly id: UploadId
}

/** The directory of the uploads to a bucket, with a trailing slash. */
export function uploadsDirectory({ branch }: Bucket): string {
  return `/uploads/${branch.name}/`
}

/** The file of an upload in progress. */
export function uploadPath({ bucket, key, id }: UploadName): string {
  return `${uploadsDirectory(bucket)}${hexFromKey(key)}.${id.text}`
}

/** The file of a completed upload. */
export function completionPath({ bucket, key, id }: UploadName): string {
  return `/completed/${bucket.branch.name}/${hexFromKey(key)}.${id.text}`
}

/** The directory of the parts of an upload, with a trailing slash. */
export function partsDirectory(id: UploadId): string {
  return `/parts/${id.text}/`
}

/** The file of a part. */
export function partPath(id: UploadId, partNumber: number): string {
  return `${partsDirectory(id)}${padded(partNumber)}`
}

/** The file of the digests of a part, in binary. */
export function checksumPath(id: UploadId, partNumber: number): string {
  return `/checksums/${id.text}/${padded(partNumber)}`
}

/** The part number of a file. */
export function partNumberFrom(path: string): number {
  return Number(path.slice(path.lastIndexOf('/') + 1))
}

/** The key and id of the upload of a file; undefined for any other file. */
export function uploadFrom(path: string): { key: string; id: UploadId } | undefined {
  const [hex = '', text = ''] = path.slice(path.lastIndexOf('/') + 1).split('.', 2)
  const id = readUploadId(text)
  return id === undefined ? undefined : { key: Buffer.from(hex, 'hex').toString(), id }
}

/** The start of the file names of uploads whose keys start with `start`. */
export function hexFromKey(start: string): string {
  return Buffer.from(start).toString('hex')
}

/** Pads a part number to the digits of the maximum, 10,000. */
function padded(partNumber: number): string {
  return String(partNumber).padStart(5, '0')
}

/** Whether the checksum of an object is computed from those of its parts (COMPOSITE) or from its bytes. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

/** The checksum that an upload keeps for each part. */
export interface UploadChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
}

/** A parsed upload id; ids sort by the time of their upload. */
export interface UploadId {
  readonly text: string
  readonly initiated: Date
  /** Whether the MD5 of each part is kept, so that ETags are S3's; otherwise ETags are PFS hashes. */
  readonly keepsMd5: boolean
  /** Undefined if the upload keeps no checksum. */
  readonly checksum?: UploadChecksum
}

/** The digests that an upload keeps for its parts. */
export type KeptOfParts = Pick<UploadId, 'keepsMd5' | 'checksum'>

const pattern = /^([0-9a-f]{11})-[0-9a-f]{32}(-etag)?(?:-([0-9a-z]+)-(composite|full))?$/

/** Creates an unguessable id that contains the start time of the upload and which digests it keeps. */
export function createUploadId(initiated: Date, kept: KeptOfParts): UploadId {
  const { keepsMd5, checksum } = kept
  const suffix =
    checksum === undefined ? '' : `-${checksum.algorithm}-${checksum.type === 'COMPOSITE' ? 'composite' : 'full'}`
  const text = `${timePrefix(initiated)}-${randomBytes(16).toString('hex')}${keepsMd5 ? '-etag' : ''}${suffix}`
  return { text, initiated, ...kept }
}

/** Parses an upload id; undefined if the gateway cannot have issued it. */
export function readUploadId(text: string): UploadId | undefined {
  const [, time = '', etag, name, type] = pattern.exec(text) ?? []
  if (time === '') return undefined
  const initiated = new Date(Number.parseInt(time, 16))
  const keepsMd5 = etag !== undefined
  if (name === undefined) return { text, initiated, keepsMd5 }
  const algorithm = parseChecksumAlgorithm(name)
  if (algorithm === undefined) return undefined
  return { text, initiated, keepsMd5, checksum: { algorithm, type: type === 'full' ? 'FULL_OBJECT' : 'COMPOSITE' } }
}

/** The common start of the ids of uploads that began at `time`. */
export function timePrefix(time: Date): string {
  return Math.max(0, time.getTime()).toString(16).padStart(11, '0')
}

/** The error for an upload that is missing, aborted or completed. */
export function noSuchUpload(uploadId: string): S3Error {
  return new S3Error('NoSuchUpload', { fields: { UploadId: uploadId } })
}
