import { createHash } from 'node:crypto'
import { asBuffer } from '../encoding.js'
import { invalidArgument } from '../errors.js'
import {
  type Branch,
  type CallOptions,
  type Commit,
  type FileInfo,
  headOf,
  type PfsClient,
  type Repo,
} from '../pfs/client.js'
import { unlessMissing } from '../pfs/errors.js'
import { emptyFileHash } from '../pfs/file-hash.js'
import type { FileLookup } from '../pfs/file-lookup.js'
import { readFile } from '../pfs/path.js'
import { hiddenVersions } from '../records/hidden-versions.js'
import { currentMarker, markerContent } from '../records/markers.js'
import {
  announcedAfter,
  type CommitOnBranch,
  type Description,
  descriptionAt,
  emptyRecord,
  type KeyRecords,
  type ObjectRecord,
  type RecordedVersion,
  type Version,
} from '../records/record.js'
import { contentIdOf, isMarkerPath } from '../records/record-path.js'
import type { RecordStore } from '../records/record-store.js'
import { type Bucket, commitOf, isCommitId } from './bucket-name.js'
import type { CommitTimes } from './commit-times.js'
import type { Forks } from './forks.js'

/** The stores that describe objects. */
export interface ObjectSource {
  readonly pfs: PfsClient
  readonly commitTimes: CommitTimes
  readonly forks: Forks
  readonly files: FileLookup
  readonly records: RecordStore
}

/** An object at one commit. */
export interface StoredObject {
  readonly info: FileInfo
  readonly size: number
  /** With quotes. */
  readonly etag: string
  /**
   * The entity tags that name this content in a condition: its own, and its PFS hash, which other gateways answer until
   * the record reaches them.
   */
  readonly etags: readonly string[]
  readonly lastModified: Date
  /** The id of the commit that wrote it, if a record names it; otherwise of the commit that was read. */
  readonly versionId: string
  /** The version that wrote it, if a record names it. */
  readonly version: RecordedVersion | undefined
  /** Whether it has the attributes of an announced write of bytes that a recorded version had before. */
  readonly isRewritten: boolean
  /** Empty if the object has no record. */
  readonly description: Description
}

/** A file, optionally at a version other than the bucket's. */
export interface ObjectName {
  readonly bucket: Bucket
  readonly path: string
  readonly versionId?: string | undefined
}

/**
 * Looks up an object; undefined if the path is missing or a directory.
 *
 * @throws S3Error InvalidArgument for a malformed `versionId`.
 * @throws PfsError for a missing repo, branch or commit.
 */
export async function findObject(
  source: ObjectSource,
  { bucket, path, versionId }: ObjectName,
  options: CallOptions,
): Promise<StoredObject | undefined> {
  const commit = commitOfVersion(bucket, versionId)
  const [info, records] = await Promise.allSettled([
    source.files.find({ commit, path }, options),
    source.records.read(bucket.branch.repo, path, options),
  ])
  // A missing bucket or file takes precedence over unreadable records.
  if (info.status === 'rejected') throw info.reason
  if (info.value === undefined && !isMarkerPath(path)) return undefined
  if (records.status === 'rejected') throw records.reason
  const file = info.value ?? (await findDirectoryMarker(source, { bucket, path, versionId }, records.value, options))
  if (file === undefined) return undefined
  const known = await completeRecords(source, file, records.value, options)
  const object = await storedObject(source, bucket, file, known, options)
  return versionId === undefined ? object : { ...object, versionId }
}

/** The FileInfo that PFS would return for a directory marker if it had a file; undefined without a marker. */
async function findDirectoryMarker(
  { pfs }: ObjectSource,
  { bucket, path, versionId }: ObjectName,
  records: KeyRecords,
  options: CallOptions,
): Promise<FileInfo | undefined> {
  if (!records.has(markerContent)) return undefined
  const isHead = versionId === undefined && bucket.at === undefined
  const commit = commitOfVersion(bucket, versionId)
  const before = isHead ? undefined : (await pfs.inspectCommit({ commit }, options)).finishing
  const marker = currentMarker(records, bucket.branch.name, before)
  return marker && markerFile(bucket.branch.repo, path, marker)
}

/** The file that a directory marker would be. */
export function markerFile(repo: Repo, path: string, { commitId, time }: Version): FileInfo {
  const file = { commit: { repo, id: commitId }, path }
  return { file, fileType: 'FILE', sizeBytes: 0, hash: emptyFileHash, committed: time }
}

/** Reads the records of a file again if they may have changed before its commit. */
export async function completeRecords(
  { records }: Pick<ObjectSource, 'records'>,
  { file: { commit, path }, hash }: FileInfo,
  known: KeyRecords,
  options: CallOptions,
): Promise<KeyRecords> {
  const isKnown = known.has(contentIdOf(hash))
  if (records.mayHaveMissed(commit.repo, commit.id, isKnown)) return records.read(commit.repo, path, options)
  // This gateway may have made the commit since the records were read.
  return records.known(commit.repo, path) ?? known
}

/** Combines a file with the records of its key. */
export async function storedObject(
  { commitTimes, forks }: Pick<ObjectSource, 'commitTimes' | 'forks'>,
  { branch }: Bucket,
  info: FileInfo,
  records: KeyRecords,
  options: CallOptions,
): Promise<StoredObject> {
  const { commit, path } = info.file
  if (info.hash.length === 0 || !commit.id) throw new Error(`PFS describes ${path} without its hash or commit`)
  const record = records.get(contentIdOf(info.hash)) ?? emptyRecord
  const at = { record, records, branch: branch.name, commitId: commit.id, time: info.committed }
  const inherited = await inheritedVersions(forks, branch, at, options)
  const { newest, version } = findVersion(at, inherited)
  const isRewritten = newest !== undefined && announcedAfter(record, newest, at) !== undefined
  const description = withPlausibleParts(descriptionAt(record, newest, at), info.sizeBytes)
  const hashEtag = etagFromHash(info.hash)
  const etag = description.etag === undefined ? hashEtag : `"${description.etag}"`
  const timeOf = async ({ commitId, time, isOpen }: Version): Promise<Date> => {
    if (isOpen !== true) return time
    // Someone may have squashed the commit.
    return (await unlessMissing(commitTimes.of({ repo: commit.repo, id: commitId }, options))) ?? time
  }
  return {
    // Without its datum: an S3 object is the whole content of the path.
    info: { ...info, file: { commit, path } },
    size: info.sizeBytes,
    etag,
    etags: [etag, hashEtag],
    lastModified: version ? await timeOf(version) : (info.committed ?? (await commitTimes.of(commit, options))),
    versionId: version?.commitId ?? commit.id,
    version,
    isRewritten,
    description,
  }
}

/** Ignores recorded parts whose sizes do not add up to the size of the object. */
function withPlausibleParts(description: Description, size: number): Description {
  const { parts } = description
  if (parts.length === 0 || parts.reduce((sum, part) => sum + part.size, 0) === size) return description
  return { ...description, parts: [] }
}

/** Up to when the versions of other branches belong to a branch, by their names. */
type InheritedVersions = ReadonlyMap<string, Date>

/** Maximum branches per key whose versions are searched: anyone who can write to a repo can name any number in a record. */
const maxOrigins = 16

/** The record of an object in a commit, and all records of its key. */
interface RecordAtCommit extends CommitOnBranch {
  readonly record: ObjectRecord
  readonly records: KeyRecords
}

/** Searches what a branch has inherited, if the record of an object names other branches alone. */
async function inheritedVersions(
  forks: Forks,
  branch: Branch,
  { record, records, commitId }: RecordAtCommit,
  options: CallOptions,
): Promise<InheritedVersions> {
  const inherited = new Map<string, Date>()
  const { versions: own } = record
  if (own.length === 0 || own.some((version) => version.branch === branch.name)) return inherited
  // Another content may be newer, also on another branch.
  const others = new Set<string>()
  for (const { versions } of records.values()) for (const version of versions) others.add(version.branch)
  others.delete(branch.name)
  for (const from of [...others].slice(0, maxOrigins)) {
    const until = await forks.inheritedUntil(branch, commitId, from, options)
    if (until !== undefined) inherited.set(from, until)
  }
  return inherited
}

/**
 * The newest version of the content on a branch, or on one that it was forked from, that is not hidden and is not newer than
 * the commit that was read: a branch may have been moved back. `version` is undefined if the key had another content after
 * that: then a writer without records has written this one again. All times come from PFS, so they can be compared.
 */
function findVersion(
  { record, records, branch, commitId, time }: RecordAtCommit,
  inherited: InheritedVersions,
): { readonly newest?: RecordedVersion; readonly version?: RecordedVersion } {
  const hidden = hiddenVersions(records, branch)
  const untilOf = (version: Version): Date | undefined =>
    version.branch === branch ? time : inherited.get(version.branch)
  const isCandidate = (version: RecordedVersion): boolean => {
    const until = untilOf(version)
    // An open commit may have been started in the millisecond of its parent.
    const isOfChild = version.isOpen && version.commitId !== commitId && version.time.getTime() === until?.getTime()
    return (
      (version.branch === branch || until !== undefined) &&
      (version.marker === undefined || version.marker === 'made') &&
      !hidden.has(version.commitId) &&
      !isOfChild &&
      (until === undefined || version.time.getTime() <= until.getTime())
    )
  }
  const newest = newestOf(record.versions.filter(isCandidate))
  if (newest === undefined) return {}
  // A commit in the millisecond of the one that was read may be newer than that.
  const isEarlier = (other: RecordedVersion): boolean =>
    other.commitId === commitId || other.time.getTime() !== untilOf(other)?.getTime()
  const isLater = (other: RecordedVersion): boolean =>
    other.time.getTime() > newest.time.getTime() && isCandidate(other) && isEarlier(other)
  const isReplaced = [...records.values()].some(({ versions }) => versions.some(isLater))
  return isReplaced ? { newest } : { newest, version: newest }
}

/** Gateways may record versions in another order than they made them. */
function newestOf(versions: readonly RecordedVersion[]): RecordedVersion | undefined {
  let newest: RecordedVersion | undefined
  for (const version of versions) if (newest === undefined || version.time >= newest.time) newest = version
  return newest
}

/** The commit of a `versionId` in a bucket. @throws S3Error InvalidArgument if it is malformed. */
export function commitOfVersion(bucket: Bucket, versionId: string | undefined): Commit {
  if (versionId === undefined) return commitOf(bucket)
  if (!isCommitId(versionId)) {
    throw invalidArgument('versionId', { value: versionId, message: 'Invalid version id specified' })
  }
  return { ...headOf(bucket.branch), id: versionId }
}

/**
 * The ETag of a file from its PFS hash. The suffix `-1` keeps clients from comparing it with the MD5 of the content.
 */
export function etagFromHash(hash: Uint8Array): string {
  return `"${asBuffer(hash).toString('hex')}-1"`
}

/** The ETag of an object or part from the MD5 of its content. */
export function etagFromMd5(md5: Uint8Array): string {
  return `"${asBuffer(md5).toString('hex')}"`
}

/** Largest object whose MD5 is computed for a condition, in bytes. */
const maxComputedBytes = 8 * 1024 * 1024

/** Matches a possible MD5 in a list of entity tags. */
const md5Etag = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f-])/i

/**
 * Adds the MD5 of an object without a recorded ETag to its entity tags, if a condition names an MD5: a client may have
 * received it from another gateway, whose record is still pending. Reads objects of up to 8 MiB; larger ones have only
 * their hash.
 */
export async function withComputedEtag(
  pfs: PfsClient,
  object: StoredObject,
  conditions: readonly (string | undefined)[],
  options: CallOptions,
): Promise<StoredObject> {
  const isAsked = conditions.some((list) => list !== undefined && md5Etag.test(list))
  if (!isAsked || object.description.etag !== undefined || object.size > maxComputedBytes) return object
  const hash = createHash('md5')
  for await (const bytes of readFile(pfs, object.info.file, {}, options)) hash.update(bytes)
  return { ...object, etags: [...object.etags, etagFromMd5(hash.digest())] }
}
