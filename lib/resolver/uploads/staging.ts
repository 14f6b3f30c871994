import { randomBytes } from 'node:crypto'
import { type ChecksumAlgorithm, parseChecksumAlgorithm } from '../../checksums.js'
import { S3Error } from '../../errors.js'
import { type Branch, type Commit, headOf, type Repo } from '../../pfs/client.js'
import type { Bucket } from '../bucket-name.js'

/**
 * Where uploads lie: on a branch of the repo of type `meta` that stands beside the bucket's repo. No bucket name leads
 * there, rights are those of the user repo, and pipelines keep theirs on another branch.
 *
 *     /uploads/<branch>/<key in hex>.<upload id>     an upload: how the branch was when it began, in JSON
 *     /parts/<upload id>/<part number>               a part
 *     /checksums/<upload id>/<part number>           its MD5 and its checksum, as far as the upload keeps them
 *     /completed/<branch>/<key in hex>.<upload id>   what a completed upload was answered, in JSON
 *
 * Hex keeps the order of keys, a dot sorts before all its digits, and ids begin with their time: so uploads are listed in
 * S3's order, and by age.
 */
export const stagingBranchName = 's3-uploads'

/** The branch for the uploads to all buckets of a repo. */
export function stagingBranch({ project, name }: Repo): Branch {
  return { repo: { project, name, type: 'meta' }, name: stagingBranchName }
}

/** The head of that branch, to read what lies there. */
export function stagingCommit(repo: Repo): Commit {
  return headOf(stagingBranch(repo))
}

/** Which upload to which key. */
export interface UploadName {
  readonly bucket: Bucket
  readonly key: string
  readonly id: UploadId
}

/** The directory of the uploads to a bucket, with its slash. */
export function uploadsDirectory({ branch }: Bucket): string {
  return `/uploads/${branch.name}/`
}

/** The file that an upload is, while it is not completed. */
export function uploadPath({ bucket, key, id }: UploadName): string {
  return `${uploadsDirectory(bucket)}${hexFromKey(key)}.${id.text}`
}

/** The file that remains of a completed upload. */
export function completionPath({ bucket, key, id }: UploadName): string {
  return `/completed/${bucket.branch.name}/${hexFromKey(key)}.${id.text}`
}

/** The directory of the parts of an upload, with its slash. */
export function partsDirectory(id: UploadId): string {
  return `/parts/${id.text}/`
}

/** The file that a part is. */
export function partPath(id: UploadId, partNumber: number): string {
  return `${partsDirectory(id)}${padded(partNumber)}`
}

/** The file that holds the digests of a part, in binary. */
export function checksumPath(id: UploadId, partNumber: number): string {
  return `/checksums/${id.text}/${padded(partNumber)}`
}

/** The number of the part that a file is. */
export function partNumberFrom(path: string): number {
  return Number(path.slice(path.lastIndexOf('/') + 1))
}

/** The key and id of the upload that a file is, or was; undefined for a file that is none. */
export function uploadFrom(path: string): { key: string; id: UploadId } | undefined {
  const [hex = '', text = ''] = path.slice(path.lastIndexOf('/') + 1).split('.', 2)
  const id = readUploadId(text)
  return id === undefined ? undefined : { key: Buffer.from(hex, 'hex').toString(), id }
}

/** What the file names of uploads to keys that begin with `start` begin with. */
export function hexFromKey(start: string): string {
  return Buffer.from(start).toString('hex')
}

/** As many digits as the greatest part number, 10,000, has. */
function padded(partNumber: number): string {
  return String(partNumber).padStart(5, '0')
}

/** Whether the checksum of a whole object is made from those of its parts, or is the one that its bytes have. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

/** The checksum that an upload keeps of each part. */
export interface UploadChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
}

/** An upload id as it is read: ids are in the order of their times. */
export interface UploadId {
  readonly text: string
  readonly initiated: Date
  /** Whether the MD5 of each part is kept, so that ETags are S3's; otherwise they are PFS hashes. */
  readonly keepsMd5: boolean
  /** Absent where the upload keeps none. */
  readonly checksum?: UploadChecksum
}

/** What an upload keeps of its parts. */
export type KeptOfParts = Pick<UploadId, 'keepsMd5' | 'checksum'>

const pattern = /^([0-9a-f]{11})-[0-9a-f]{32}(-etag)?(?:-([0-9a-z]+)-(composite|full))?$/

/** A new id that nobody can guess; it says by itself when the upload began and what it keeps. */
export function createUploadId(initiated: Date, kept: KeptOfParts): UploadId {
  const { keepsMd5, checksum } = kept
  const suffix =
    checksum === undefined ? '' : `-${checksum.algorithm}-${checksum.type === 'COMPOSITE' ? 'composite' : 'full'}`
  const text = `${timePrefix(initiated)}-${randomBytes(16).toString('hex')}${keepsMd5 ? '-etag' : ''}${suffix}`
  return { text, initiated, ...kept }
}

/** Reads an upload id; undefined for what was never given out as one. */
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

/** Reads the upload id of a request; throws NoSuchUpload for what was never given out as one. */
export function parseUploadId(text: string): UploadId {
  const id = readUploadId(text)
  if (id === undefined) throw noSuchUpload(text)
  return id
}

/** What the ids of uploads that began at `time` begin with. */
export function timePrefix(time: Date): string {
  return Math.max(0, time.getTime()).toString(16).padStart(11, '0')
}

/** The answer to an upload that is not there, or no longer. */
export function noSuchUpload(uploadId: string): S3Error {
  return new S3Error('NoSuchUpload', { fields: { UploadId: uploadId } })
}
