import { isDeepStrictEqual } from 'node:util'
import type { Change, NewContent } from '../commits/change.js'
import type { Committed } from '../commits/commit-changes.js'
import { committedOf } from '../commits/commit-queue.js'
import type { Head } from '../commits/head.js'
import { S3Error } from '../errors.js'
import { matchesEtag, preconditionFailed } from '../http/preconditions.js'
import { header } from '../http/request.js'
import type { FileInfo } from '../pfs/client.js'
import { chunkedHashBytes, emptyFileHash, smallFileHash } from '../pfs/file-hash.js'
import { computeEtag } from '../records/adopt-records.js'
import { type Description, isServedWithout, needsRecord, timeOfWrite, type Version } from '../records/record.js'
import { type RecordChange, type RecordUpdate, withLine } from '../records/record-change.js'
import { RecordBuilder, type RecordLine } from '../records/record-lines.js'
import { contentIdOf, createPendingId, type RecordName } from '../records/record-path.js'
import {
  commitOfVersion,
  completeRecords,
  etagFromHash,
  type StoredObject,
  storedObject,
  withComputedEtag,
} from '../resolver/object.js'
import type { BucketCall } from './call.js'
import { isMarkerWrite, keepsMarkers, recordMarker, recordMarkerEnds, withMarker } from './directory-marker.js'
import { contentTypeOf } from './object-attributes.js'

/** A version that was written. */
export interface Written extends Committed {
  /** With quotes. */
  readonly etag: string
}

/** A new object: its content and its attributes. */
interface NewObject extends Omit<Change, 'content'> {
  readonly content: NewContent
  /** PFS's hash of the content, if it is a copy. */
  readonly hash?: Uint8Array
  readonly description: Description
}

/**
 * Commits one change to the bucket's branch, possibly in a shared commit; throws the reason if it fails. Calls `onRefused`
 * before that if the commit has certainly not been made.
 */
async function commitChange(
  call: BucketCall,
  change: Change,
  onRefused: () => void = () => undefined,
): Promise<Committed> {
  const { gateway, bucket, options } = call
  const queued = gateway.commits.commit(bucket.branch, [withMarker(call, change)], options)
  const outcomes = await queued.catch((reason: unknown) => {
    // It has not had its turn.
    onRefused()
    throw reason
  })
  const [outcome] = outcomes
  if (outcome?.status === 'rejected' && outcome.mayBeCommitted !== true) onRefused()
  return committedOf(outcomes)
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
    await recordMarkerEnds(call, new Map([[object.path, written]]), 'replaced')
    return written
  })
}

/** Creates a directory marker, which replaces an existing file. */
async function writeMarker(call: BucketCall, { path, condition, description }: NewObject): Promise<Written> {
  const committed = await commitChange(call, { path, ...(condition && { condition }) })
  await recordMarker(call, path, description, committed)
  return { ...committed, etag: etagOf(description, emptyFileHash) }
}

async function writeFile(call: BucketCall, object: NewObject): Promise<Written> {
  const { mode } = call.gateway.records
  const isNeeded =
    mode !== 'off' && needsRecord(object.description, contentTypeOf(call.gateway.keys.keyFromPath(object.path)))
  const hash = object.hash ?? (await hashOf(object.content))
  if (hash === undefined) return writeUnhashed(call, object, isNeeded)
  const name = nameOf(call, object.path, hash)
  const { description, hash: _, ...change } = object
  if (!isNeeded) {
    const committed = await commitChange(call, change)
    recordWrite(call, name, description, committed)
    return { ...committed, etag: mode === 'all' ? etagOf(description, hash) : etagFromHash(hash) }
  }
  // In the branch's turn: a refused write must not be announced, and a batch shares a commit.
  let isAnnounced = false
  const prepare = async ({ time, started }: Head) => {
    const line = announcementOf(call, description, time ?? started)
    const announced: RecordChange = { name, kind: 'append', line }
    isAnnounced = await isKept(call, description, call.gateway.records.writeTogether(announced, call.options))
  }
  const committed = await commitChange(call, { ...change, prepare }, () => {
    if (isAnnounced) withdraw(call, name, description)
  })
  if (isAnnounced) recordVersion(call, name, description, committed)
  return { ...committed, etag: isAnnounced ? etagOf(description, hash) : etagFromHash(hash) }
}

/**
 * Waits for the write of a needed record; false if the caller may not create the meta repo and only a content type is lost.
 */
async function isKept({ gateway }: BucketCall, description: Description, written: Promise<void>): Promise<boolean> {
  if (isServedWithout(description)) return gateway.records.isWritten(written)
  await written
  return true
}

/**
 * Writes an object whose hash PFS returns only afterwards. A needed record is stored under a pending id, with the size of
 * the content, until the hash is known.
 */
async function writeUnhashed(call: BucketCall, object: NewObject, isNeeded: boolean): Promise<Written> {
  const { records } = call.gateway
  const { description, hash: _, ...change } = object
  const pending = { ...repoAndPath(call, object.path), content: createPendingId() }
  const line = announcementOf(call, description, undefined)
  const announced: RecordChange = { name: pending, kind: 'append', line }
  const removal: RecordChange = { name: pending, kind: 'remove' }
  const isPending = isNeeded && (await isKept(call, description, records.write([announced], call.options)))
  // After any other failure, a sweep finds out.
  const committed = await commitChange(call, change, () => {
    if (isPending) records.writeBehind(removal, call.options)
  })
  // The data is committed. If the client leaves now, the rest must still be written.
  const { signal: _signal, ...options } = call.options
  const lasting = { ...call, options }
  const find = () => retryOnce(() => writtenFile(lasting, object.path, committed))
  // PFS knows the hash when it has finished the commit, and only the record needs it.
  if (!isPending && records.mode === 'all' && description.etag !== undefined && committed.time !== undefined) {
    const described = find().then(({ hash }) =>
      recordWrite(call, nameOf(call, object.path, hash), description, committed),
    )
    records.expect(repoAndPath(call, object.path), described)
    return { ...committed, etag: `"${description.etag}"` }
  }
  const info = await find()
  const name = nameOf(call, object.path, info.hash)
  // Another writer may have replaced the file in the open commit: then the hash is not that of this content.
  const isOurs =
    committed.time !== undefined ||
    (await computeEtag(call.gateway.pfs, info, description, options)) === description.etag
  if (isPending) {
    const record: RecordChange = { name, kind: 'append', line: lineOf(call, description, committed) }
    await records.write(isOurs ? [record, removal] : [removal], options)
  } else if (isOurs) recordWrite(call, name, description, committed)
  const isRecorded = isPending || records.mode === 'all'
  return { ...committed, etag: isRecorded ? etagOf(description, info.hash) : etagFromHash(info.hash) }
}

async function retryOnce<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch {
    return work()
  }
}

/** Removes the announcement of a write that was refused. */
function withdraw(call: BucketCall, name: RecordName, description: Description): void {
  const { branch } = call.bucket
  const update: RecordUpdate = (known) => {
    const announced = known?.announced.get(branch.name)?.description
    if (known === undefined || !isDeepStrictEqual(announced, description)) return undefined
    return new RecordBuilder(known).refuse(branch.name).build()
  }
  call.gateway.records.writeBehind({ name, kind: 'update', update }, call.options)
}

/** The ETag of an object whose description is recorded. */
function etagOf({ etag }: Description, hash: Uint8Array): string {
  return etag === undefined ? etagFromHash(hash) : `"${etag}"`
}

/** Records a write without attributes, if the gateway records such writes. */
function recordWrite(call: BucketCall, name: RecordName, description: Description, made: Committed): void {
  const { records } = call.gateway
  if (records.mode === 'all') recordVersion(call, name, description, made)
  if (records.mode !== 'needed') return
  // Without it, the attributes of an earlier write of the same bytes would be those of this one.
  const line = lineOf(call, description, made)
  const update: RecordUpdate = (known) => known && withLine(known, line)
  records.writeBehind({ name, commitId: made.commitId, kind: 'update', update }, call.options)
}

function recordVersion(call: BucketCall, name: RecordName, description: Description, made: Committed): void {
  const line = lineOf(call, description, made)
  call.gateway.records.writeBehind({ name, commitId: made.commitId, kind: 'append', line }, call.options)
}

/** The line of a write in a record. */
function lineOf({ bucket }: BucketCall, description: Description, made: Committed): RecordLine {
  const version: Version = { commitId: made.commitId, branch: bucket.branch.name, ...timeOfWrite(made) }
  // An earlier write to the same open commit may have had other tags.
  const tags = version.isOpen && { tags: description.tags }
  return { description, versions: [{ ...version, ...tags }] }
}

/** The line that announces a write to the branch, whose commit is later than `after`. */
function announcementOf({ bucket }: BucketCall, description: Description, after: Date | undefined): RecordLine {
  return { description, versions: [], announcedFor: bucket.branch.name, ...(after && { after }) }
}

function nameOf(call: BucketCall, path: string, hash: Uint8Array): RecordName {
  return { ...repoAndPath(call, path), content: contentIdOf(hash) }
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
  return withComputedEtag(gateway.pfs, object, [condition], options)
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
