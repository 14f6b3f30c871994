import { asBuffer } from '../encoding.js'
import { invalidArgument } from '../errors.js'
import { type CallOptions, type Commit, type FileInfo, headOf, type PfsClient } from '../pfs/client.js'
import { findFile } from '../pfs/path.js'
import { hiddenVersions } from '../records/hidden-versions.js'
import { emptyRecord, type ObjectRecord, type RecordedVersion } from '../records/record.js'
import type { KeyRecords } from '../records/record-cache.js'
import type { RecordStore } from '../records/record-store.js'
import { type Bucket, commitOf, isCommitId } from './bucket-name.js'

/** Where objects are looked up. */
export interface ObjectSource {
  readonly pfs: PfsClient
  readonly records: RecordStore
}

/** An object as it is at one commit. */
export interface StoredObject {
  readonly info: FileInfo
  readonly size: number
  /** With its quotes. */
  readonly etag: string
  readonly lastModified: Date
  /** The id of the commit that wrote it, as far as a record tells; otherwise of the one that was read. */
  readonly versionId: string
  /** Empty if nobody recorded anything. */
  readonly record: ObjectRecord
}

/** Which file, and at which version where not at the bucket's own. */
export interface ObjectName {
  readonly bucket: Bucket
  readonly path: string
  readonly versionId?: string | undefined
}

/**
 * Asks PFS for an object; undefined if the path is missing or a directory.
 *
 * @throws S3Error InvalidArgument for a malformed `versionId`, PfsError for a missing repo, branch or commit.
 */
export async function findObject(
  source: ObjectSource,
  { bucket, path, versionId }: ObjectName,
  options: CallOptions,
): Promise<StoredObject | undefined> {
  const commit = commitOfVersion(bucket, versionId)
  const [info, records] = await Promise.allSettled([
    findFile(source.pfs, { commit, path }, options),
    source.records.read(bucket.branch.repo, path, options),
  ])
  // A missing bucket or file comes before records that cannot be read.
  if (info.status === 'rejected') throw info.reason
  if (info.value === undefined) return undefined
  if (records.status === 'rejected') throw records.reason
  const object = await storedObject(source.pfs, bucket, info.value, records.value, options)
  return versionId === undefined ? object : { ...object, versionId }
}

/** The object that a file is, by the records of its key. */
export async function storedObject(
  pfs: Pick<PfsClient, 'inspectCommit'>,
  { branch }: Bucket,
  info: FileInfo,
  records: KeyRecords,
  options: CallOptions,
): Promise<StoredObject> {
  const { commit, path } = info.file
  if (info.hash.length === 0 || !commit.id) throw new Error(`PFS describes ${path} without its hash or commit`)
  const record = fitting(recordOf(info, records), info.sizeBytes)
  const version = newestVersion(record, records, branch.name, info.committed)
  return {
    // Without its datum: an S3 object is all that is at the path.
    info: { ...info, file: { commit, path } },
    size: info.sizeBytes,
    etag: etagOf(info, records),
    lastModified: version?.time ?? info.committed ?? (await startOf(pfs, commit, options)),
    versionId: version?.commitId ?? commit.id,
    record,
  }
}

/** The ETag of a file with its quotes: the recorded one, or its PFS hash. */
function etagOf(info: FileInfo, records: KeyRecords): string {
  const { etag } = recordOf(info, records)
  return etag === undefined ? etagFrom(info.hash) : `"${etag}"`
}

/** Parts that do not come to the size of the object are not its parts, whoever recorded them. */
function fitting(record: ObjectRecord, size: number): ObjectRecord {
  const { parts } = record
  if (parts.length === 0 || parts.reduce((sum, part) => sum + part.size, 0) === size) return record
  return { ...record, parts: [] }
}

function recordOf({ hash }: FileInfo, records: KeyRecords): ObjectRecord {
  return records.get(Buffer.from(hash).toString('hex')) ?? emptyRecord
}

/**
 * The last commit on a branch that wrote the content, of those that are not hidden and not after the commit that was read:
 * a branch may have been moved back since. Times are PFS's own, so they can be compared.
 */
function newestVersion(
  { versions }: ObjectRecord,
  records: KeyRecords,
  branch: string,
  before: Date | undefined,
): RecordedVersion | undefined {
  const hidden = hiddenVersions(records, branch)
  return versions.findLast(
    (version) =>
      version.branch === branch &&
      !hidden.has(version.commitId) &&
      (before === undefined || version.time.getTime() <= before.getTime()),
  )
}

/** The commit that a `versionId` names in a bucket; throws InvalidArgument for one that cannot be. */
export function commitOfVersion(bucket: Bucket, versionId: string | undefined): Commit {
  if (versionId === undefined) return commitOf(bucket)
  if (!isCommitId(versionId)) {
    throw invalidArgument('versionId', { value: versionId, message: 'Invalid version id specified' })
  }
  return { ...headOf(bucket.branch), id: versionId }
}

/** A file of a commit that is still open has no time of its own. */
async function startOf(pfs: Pick<PfsClient, 'inspectCommit'>, commit: Commit, options: CallOptions): Promise<Date> {
  const { started } = await pfs.inspectCommit({ commit }, options)
  return started ?? new Date(0)
}

/**
 * The entity tag of a file from its PFS hash. The `-1` keeps clients from taking it for an MD5 of the content and
 * comparing the two.
 */
export function etagFrom(hash: Uint8Array): string {
  return `"${asBuffer(hash).toString('hex')}-1"`
}

/** The entity tag of an object, or of a part, from the MD5 of its content. */
export function etagFromMd5(md5: Uint8Array): string {
  return `"${asBuffer(md5).toString('hex')}"`
}
