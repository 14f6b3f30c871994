import { randomBytes } from 'node:crypto'
import { type ChecksumAlgorithm, parseChecksumAlgorithm } from '../../checksums/checksums.js'
import { S3Error } from '../../errors.js'

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
