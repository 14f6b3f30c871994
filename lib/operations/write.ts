import type { Change, NewContent } from '../commits/change.js'
import type { Committed } from '../commits/commit-changes.js'
import { committedOf } from '../commits/commit-queue.js'
import { S3Error } from '../errors.js'
import { matchesEtag, preconditionFailed } from '../http/preconditions.js'
import { header } from '../http/request.js'
import type { FileInfo } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'
import { chunkedHashBytes, emptyFileHash, smallFileHash } from '../pfs/file-hash.js'
import { etagOf } from '../records/adopt-records.js'
import {
  addVersions,
  isServedWithout,
  needsRecord,
  type ObjectRecord,
  type RecordedVersion,
} from '../records/record.js'
import type { RecordChange } from '../records/record-change.js'
import { createPendingId, type RecordName } from '../records/record-path.js'
import { commitOfVersion, completeRecords, etagFromHash, type StoredObject, storedObject } from '../resolver/object.js'
import type { BucketCall } from './call.js'
import { withComputedEtag } from './computed-etag.js'
import { isMarkerWrite, keepsMarkers, recordMarker, recordMarkerEnds, withMarker } from './directory-marker.js'
import { contentTypeOf } from './object-attributes.js'

/** A version that was written. */
export interface Written {
  readonly versionId: string
  /** With quotes. */
  readonly etag: string
  /** PFS's time of the commit; undefined while it is open. */
  readonly time: Date | undefined
}

/** A new object: its content and its record. */
interface NewObject extends Omit<Change, 'content'> {
  readonly content: NewContent
  /** PFS's hash of the content, if it is a copy. */
  readonly hash?: Uint8Array
  readonly record: ObjectRecord
}

/** Commits one change to the bucket's branch, possibly in a shared commit; throws the reason if it is refused. */
async function commitChange(call: BucketCall, change: Change): Promise<Committed> {
  const { gateway, bucket, options } = call
  return committedOf(await gateway.commits.commit(bucket.branch, [withMarker(call, change)], options))
}

/**
 * Deletes a key, and makes the commit a delete marker even if the key was a directory marker, which has no file in PFS.
 */
export async function deleteKey(call: BucketCall, change: Pick<Change, 'path' | 'condition'>): Promise<Committed> {
  const committed = await commitChange(call, change)
  await recordMarkerEnds(call, new Map([[change.path, committed]]), 'removed')
  return committed
}

/**
 * Writes an object with its record. A record with attributes that cannot be reproduced by defaults is written before the
 * data, so that readers never see one without the other; any other record is written within a second.
 */
export async function writeObject(call: BucketCall, object: NewObject): Promise<Written> {
  const { gateway, bucket } = call
  if (!keepsMarkers(gateway, object.path)) return writeFile(call, object)
  const { repo, name } = bucket.branch
  return gateway.markerMutex(JSON.stringify([repo.project, repo.name, name, object.path]), async () => {
    if (isMarkerWrite(call, object.path, object.content)) return writeMarker(call, object)
    const written = await writeFile(call, object)
    const { versionId: commitId, time } = written
    await recordMarkerEnds(call, new Map([[object.path, { commitId, time }]]), 'replaced')
    return written
  })
}

/** Creates a directory marker, which replaces an existing file. */
async function writeMarker(call: BucketCall, { path, condition, record }: NewObject): Promise<Written> {
  const committed = await commitChange(call, { path, ...(condition && { condition }) })
  await recordMarker(call, path, record, committed)
  return writtenOf(committed, record.etag === undefined ? etagFromHash(emptyFileHash) : `"${record.etag}"`)
}

async function writeFile(call: BucketCall, object: NewObject): Promise<Written> {
  const { mode } = call.gateway.records
  const isNeeded =
    mode !== 'off' && needsRecord(object.record, contentTypeOf(call.gateway.keys.keyFromPath(object.path)))
  const hash = object.hash ?? (await hashOf(object.content))
  if (hash === undefined) return writeUnknown(call, object, isNeeded)
  const name = nameOf(call, object.path, hash)
  const { record, hash: _, ...change } = object
  if (!isNeeded) {
    const committed = await commitChange(call, change)
    noteWrite(call, name, record, committed)
    return writtenOf(committed, mode === 'all' && record.etag !== undefined ? `"${record.etag}"` : etagFromHash(hash))
  }
  // In the branch's turn: a refused write must not describe a version with the same bytes, and a batch shares a commit.
  let isKept = true
  const prepare = async () => {
    isKept = await keep(
      call,
      record,
      call.gateway.records.writeTogether({ name, kind: 'describe', record }, call.options),
    )
  }
  const committed = await commitChange(call, { ...change, prepare })
  if (isKept) noteVersion(call, name, committed)
  return writtenOf(committed, record.etag === undefined || !isKept ? etagFromHash(hash) : `"${record.etag}"`)
}

/**
 * Waits for the write of a needed record; false if the caller may not create the meta repo and only a content type is lost.
 */
async function keep({ gateway }: BucketCall, record: ObjectRecord, written: Promise<void>): Promise<boolean> {
  if (isServedWithout(record)) return gateway.records.isWritten(written)
  await written
  return true
}

/**
 * Writes an object whose hash PFS returns only afterwards. A needed record is stored under a pending id, with the size of
 * the content, until the hash is known.
 */
async function writeUnknown(call: BucketCall, object: NewObject, needsOne: boolean): Promise<Written> {
  const { records } = call.gateway
  const { record, hash: _, ...change } = object
  const pending = { ...repoAndPath(call, object.path), content: createPendingId() }
  const isNeeded =
    needsOne && (await keep(call, record, records.write([{ name: pending, kind: 'describe', record }], call.options)))
  const committed = await commitChange(call, change).catch((reason: unknown) => {
    // It stays if the commit may have been made in spite of the error; a sweep finds out.
    const isRefused = reason instanceof S3Error || (reason instanceof PfsError && reason.isDefinite)
    if (isNeeded && isRefused) records.writeBehind({ name: pending, kind: 'remove' }, call.options)
    throw reason
  })
  // The data is committed. If the client leaves now, the rest must still be written.
  const { signal: _signal, ...options } = call.options
  const lasting = { ...call, options }
  const find = () => retryOnce(() => writtenFile(lasting, object.path, committed))
  // PFS knows the hash when it has finished the commit, and only the record needs it.
  if (!isNeeded && records.mode === 'all' && record.etag !== undefined && committed.time !== undefined) {
    const described = find().then(({ hash }) => noteWrite(call, nameOf(call, object.path, hash), record, committed))
    records.expect(repoAndPath(call, object.path), described)
    return writtenOf(committed, `"${record.etag}"`)
  }
  const info = await find()
  const name = nameOf(call, object.path, info.hash)
  // Another writer may have replaced the file in the open commit: then the hash is not that of this content.
  const isOurs = committed.time !== undefined || (await etagOf(call.gateway.pfs, info, record, options)) === record.etag
  if (!isOurs) {
    if (isNeeded) await records.write([{ name: pending, kind: 'remove' }], options)
  } else if (isNeeded) {
    const removal: RecordChange = { name: pending, kind: 'remove' }
    await records.write([{ name, kind: 'describe', record }, removal], options)
    noteVersion(call, name, committed)
  } else noteWrite(call, name, record, committed)
  const isRecorded = record.etag !== undefined && (isNeeded || records.mode === 'all')
  return writtenOf(committed, isRecorded ? `"${record.etag}"` : etagFromHash(info.hash))
}

async function retryOnce<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch {
    return work()
  }
}

function writtenOf({ commitId, time }: Committed, etag: string): Written {
  return { versionId: commitId, etag, time }
}

/** Adds a version to an existing record. An open commit is not a version. */
function noteVersion(call: BucketCall, name: RecordName, made: Committed): void {
  for (const version of versionsOf(call, made)) {
    call.gateway.records.writeBehind({ name, commitId: made.commitId, kind: 'version', version }, call.options)
  }
}

/** Records a write without attributes, if the gateway records such writes. Removes the attributes of the same bytes. */
function noteWrite(call: BucketCall, name: RecordName, described: ObjectRecord, made: Committed): void {
  const { records } = call.gateway
  if (records.mode === 'off') return
  const record = { ...described, versions: versionsOf(call, made) }
  const change: RecordChange =
    records.mode === 'all'
      ? { name, commitId: made.commitId, kind: 'describe', record }
      : {
          name,
          commitId: made.commitId,
          kind: 'update',
          update: (known) => known && addVersions({ ...record, versions: known.versions }, record.versions),
        }
  records.writeBehind(change, call.options)
}

function versionsOf({ bucket }: BucketCall, { commitId, time }: Committed): readonly RecordedVersion[] {
  return time === undefined ? [] : [{ commitId, branch: bucket.branch.name, time }]
}

function nameOf(call: BucketCall, path: string, hash: Uint8Array): RecordName {
  return { ...repoAndPath(call, path), content: Buffer.from(hash).toString('hex') }
}

function repoAndPath({ bucket }: BucketCall, path: string) {
  return { repo: bucket.branch.repo, path }
}

async function hashOf(content: NewContent): Promise<Uint8Array | undefined> {
  return 'raw' in content && content.raw.length < chunkedHashBytes ? smallFileHash(content.raw) : undefined
}

/** The object of a file in the bucket, for conditions on its ETag. */
export async function currentObject(
  call: BucketCall,
  info: FileInfo,
  condition: string | undefined,
): Promise<StoredObject> {
  const { gateway, bucket, options } = call
  const records = await gateway.records.read(bucket.branch.repo, info.file.path, options)
  const complete = await completeRecords(gateway, info, records, options)
  const object = await storedObject(gateway, bucket, info, complete, options)
  return withComputedEtag(call, object, [condition])
}

/**
 * The file that a commit has just written, after PFS has finished the commit.
 *
 * @throws S3Error InternalError, so that clients retry, if another writer has deleted it since.
 */
async function writtenFile(
  { gateway, bucket, options }: BucketCall,
  path: string,
  { commitId }: Committed,
): Promise<FileInfo> {
  const file = await gateway.files.find({ commit: commitOfVersion(bucket, commitId), path }, options)
  if (file === undefined) throw new S3Error('InternalError', { cause: new Error(`${path} is not in ${commitId}`) })
  return file
}

/**
 * Parses `If-None-Match: *` and `If-Match` of a write; the condition is checked in the branch's turn. Throws
 * NotImplemented for values that S3 does not accept for writes.
 */
export function readWriteCondition(call: BucketCall, key: string): Pick<Change, 'condition'> {
  const { request } = call
  const ifMatch = header(request, 'if-match')
  const ifNoneMatch = header(request, 'if-none-match')
  if (ifNoneMatch !== undefined && (ifNoneMatch.trim() !== '*' || ifMatch !== undefined)) {
    const additionalMessage =
      ifMatch === undefined
        ? "We don't accept the provided value of If-None-Match header for this API"
        : 'Multiple conditional request headers present in the request'
    throw new S3Error('NotImplemented', { fields: { Header: 'If-None-Match', additionalMessage } })
  }
  if (ifNoneMatch !== undefined) {
    return {
      condition: (current) => {
        if (current !== undefined) throw preconditionFailed('If-None-Match')
      },
    }
  }
  if (ifMatch === undefined) return {}
  return {
    condition: async (current) => {
      if (current === undefined) throw new S3Error('NoSuchKey', { fields: { Key: key } })
      if (!matchesEtag(ifMatch, (await currentObject(call, current, ifMatch)).etags))
        throw preconditionFailed('If-Match')
    },
  }
}
