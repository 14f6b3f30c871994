import { S3Error } from '../../errors.js'
import type { Branch, CallOptions } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { createRestoredFrom, hiddenVersions, recordedVersions } from '../../records/hidden-versions.js'
import { markerContent, markerEvent } from '../../records/markers.js'
import type { KeyRecords } from '../../records/record.js'
import { contentIdOf } from '../../records/record-path.js'
import { commitOf } from '../bucket-name.js'
import type { KeyCodec } from '../key.js'
import { commitOfVersion, findObject, type ObjectName, type ObjectSource, type StoredObject } from '../object.js'
import type { Ancestry } from './ancestry.js'
import type { DeleteMarkerSearch } from './delete-marker-search.js'
import type { KeyVersion, VersionWalk } from './version-walk.js'

/** The stores that resolve versions. */
interface VersionSource extends ObjectSource {
  readonly keys: KeyCodec
  readonly ancestry: Ancestry
  readonly deleteMarkers: DeleteMarkerSearch
  readonly versionWalk: VersionWalk
}

/**
 * Looks up an object as a client names it. Without a version, that is the object at the head. With a version, it is the
 * object at that commit of the bucket's history, whether the commit changed it or not.
 *
 * @throws S3Error NoSuchKey, with the headers of a delete marker if one is found.
 * @throws S3Error MethodNotAllowed if the commit deleted the object.
 * @throws S3Error NoSuchVersion if the commit is not in the history, does not contain the object, or is hidden.
 */
export function resolveVersion(
  source: VersionSource,
  { versionId, ...name }: ObjectName,
  options: CallOptions,
): Promise<StoredObject> {
  return versionId === undefined
    ? resolveCurrent(source, name, options)
    : resolveNamed(source, { ...name, versionId }, options)
}

async function resolveCurrent(source: VersionSource, name: ObjectName, options: CallOptions): Promise<StoredObject> {
  const { keys } = source
  const object = await findObject(source, name, options)
  if (object !== undefined) return object
  const deleteMarkerId = await findDeleteMarker(source, name, options)
  throw new S3Error('NoSuchKey', {
    fields: { Key: keys.keyFromPath(name.path) },
    ...(deleteMarkerId !== undefined && { headers: deleteMarkerHeaders(deleteMarkerId) }),
  })
}

/** The id of the delete marker of a missing key, if it is found. */
async function findDeleteMarker(
  { records, deleteMarkers }: VersionSource,
  { bucket, path }: ObjectName,
  options: CallOptions,
): Promise<string | undefined> {
  const { branch } = bucket
  const known = await records.read(branch.repo, path, options)
  const event = markerEvent(known.get(markerContent), branch.name)
  if (event?.marker === 'removed') return event.commitId
  const hidden = hiddenVersions(known, branch.name)
  const restoredFrom = createRestoredFrom(hidden)
  for (let start = commitOf(bucket); ; ) {
    const deleteMarkerId = await deleteMarkers.find(start, path, options)
    if (deleteMarkerId === undefined || !hidden.has(deleteMarkerId)) return deleteMarkerId
    const id = restoredFrom(deleteMarkerId)
    if (id === undefined) return undefined
    // This commit only restored the state of an earlier one, so the delete marker to show is that of the earlier one.
    start = { repo: branch.repo, id }
  }
}

async function resolveNamed(
  source: VersionSource,
  name: ObjectName & { readonly versionId: string },
  options: CallOptions,
): Promise<StoredObject> {
  const { pfs, keys, records, ancestry, deleteMarkers } = source
  const { bucket, versionId, path } = name
  const fields = { Key: keys.keyFromPath(path), VersionId: versionId }
  // S3's version id of objects from before versioning was enabled; a branch has no such objects.
  if (versionId === 'null') {
    await pfs.inspectCommit({ commit: commitOf(bucket) }, options)
    throw new S3Error('NoSuchVersion', { fields })
  }
  const commit = commitOfVersion(bucket, versionId)
  // Another gateway may have hidden the version a moment ago.
  records.refreshKnown(bucket.branch.repo)
  const [head, found] = await Promise.allSettled([
    pfs.inspectCommit({ commit: commitOf(bucket) }, options),
    findObject(source, name, options),
  ])
  // A missing bucket takes precedence over a missing version.
  if (head.status === 'rejected') throw head.reason
  if (found.status === 'rejected') {
    const { reason } = found
    throw isMissing(reason, 'commit') ? new S3Error('NoSuchVersion', { fields, cause: reason }) : reason
  }
  const headId = head.value.commit.id ?? ''
  if (!(await ancestry.isAncestor(bucket.branch, versionId, headId, options))) {
    throw new S3Error('NoSuchVersion', { fields })
  }
  const known = await records.read(bucket.branch.repo, path, options)
  if (await isHidden(source, { branch: bucket.branch, path, commitId: versionId }, known, found.value, options)) {
    throw new S3Error('NoSuchVersion', { fields })
  }
  if (found.value !== undefined) return found.value
  const event = known.get(markerContent)?.versions.find((version) => version.commitId === versionId)
  const isDeleteMarker = event?.marker === 'removed' || (await deleteMarkers.isDeletedIn(commit, path, options))
  if (!isDeleteMarker) throw new S3Error('NoSuchVersion', { fields })
  const detail = {
    fields: { ResourceType: 'DeleteMarker' },
    headers: { ...deleteMarkerHeaders(versionId), allow: 'DELETE' },
  }
  throw new S3Error('MethodNotAllowed', detail)
}

/** A key as of a commit. */
interface KeyAtCommit {
  readonly branch: Branch
  readonly path: string
  readonly commitId: string
}

async function isHidden(
  source: VersionSource,
  key: KeyAtCommit,
  records: KeyRecords,
  object: StoredObject | undefined,
  options: CallOptions,
): Promise<boolean> {
  const hidden = hiddenVersions(records, key.branch.name)
  if (hidden.size === 0) return false
  const named = hidden.get(key.commitId)
  if (named !== undefined && named.asOf === undefined) return true
  if (named === undefined && recordedVersions(records, key.branch.name).has(key.commitId)) return false
  const content = object && contentIdOf(object.info.hash)
  if (![...hidden.values()].some((each) => each.content === content)) return false
  const version = await versionAsOf(source, key, records, options)
  return version !== undefined && hidden.has(version.commitId)
}

/**
 * The version of a key as of a commit, hidden or not: the last one up to there. One that brought back an earlier version
 * stands for that. Undefined if the key had none yet.
 *
 * @throws PfsError as PFS does
 */
export async function versionAsOf(
  { versionWalk }: Pick<VersionSource, 'versionWalk'>,
  { branch, path, commitId }: KeyAtCommit,
  records: KeyRecords,
  options: CallOptions,
): Promise<KeyVersion | undefined> {
  const restoredFrom = createRestoredFrom(hiddenVersions(records, branch.name))
  const recorded = recordedVersions(records, branch.name)
  const keys = new Map([[path, records]])
  for (let start: string | undefined = commitId; start !== undefined; ) {
    let version: KeyVersion | undefined
    const takeNewest = (_: string, newest: KeyVersion): boolean => {
      version = newest
      return true
    }
    if (recorded.has(start)) version = { commitId: start, content: recorded.get(start) }
    else await versionWalk.walk({ branch, commitId: start, keys }, takeNewest, options)
    start = version && restoredFrom(version.commitId)
    if (start === undefined) return version
  }
  return undefined
}

/** The headers of a delete marker. */
function deleteMarkerHeaders(versionId: string): Readonly<Record<string, string>> {
  return { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId }
}
