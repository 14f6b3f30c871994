import { S3Error } from '../../errors.js'
import type { CallOptions } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { commitOf } from '../bucket-name.js'
import type { KeyCodec } from '../key.js'
import { commitOfVersion, findObject, type ObjectName, type ObjectSource, type StoredObject } from '../object.js'
import type { Ancestry } from './ancestry.js'
import type { RemovalSearch } from './removal.js'

/** Where versions are looked up. */
export interface VersionSource extends ObjectSource {
  readonly keys: KeyCodec
  readonly ancestry: Ancestry
  readonly removals: RemovalSearch
}

/**
 * Asks PFS for an object as a client named it. Without a version it is that of the head, and NoSuchKey tells of a delete
 * marker where one is found. With one it is the object as of that commit of the bucket's history, whether the commit
 * touched it or not; throws MethodNotAllowed where that commit removed it, NoSuchVersion where it is not in it.
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
  const { keys, removals } = source
  const object = await findObject(source, name, options)
  if (object !== undefined) return object
  const removal = await removals.find(commitOf(name.bucket), name.path, options)
  throw new S3Error('NoSuchKey', {
    fields: { Key: keys.keyFromPath(name.path) },
    ...(removal !== undefined && { headers: deleteMarker(removal) }),
  })
}

async function resolveNamed(
  source: VersionSource,
  name: ObjectName & { readonly versionId: string },
  options: CallOptions,
): Promise<StoredObject> {
  const { pfs, keys, ancestry, removals } = source
  const { bucket, versionId, path } = name
  const fields = { Key: keys.keyFromPath(path), VersionId: versionId }
  // S3's version of objects written before versioning; a branch has none.
  if (versionId === 'null') {
    await pfs.inspectCommit({ commit: commitOf(bucket) }, options)
    throw new S3Error('NoSuchVersion', { fields })
  }
  const commit = commitOfVersion(bucket, versionId)
  const [head, found] = await Promise.allSettled([
    pfs.inspectCommit({ commit: commitOf(bucket) }, options),
    findObject(source, name, options),
  ])
  // A missing bucket comes before a missing version.
  if (head.status === 'rejected') throw head.reason
  if (found.status === 'rejected') {
    const { reason } = found
    throw isMissing(reason, 'commit') ? new S3Error('NoSuchVersion', { fields, cause: reason }) : reason
  }
  const headId = head.value.commit.id ?? ''
  if (!(await ancestry.isAncestor(bucket.branch, versionId, headId, options))) {
    throw new S3Error('NoSuchVersion', { fields })
  }
  if (found.value !== undefined) return found.value
  if (!(await removals.isRemovedIn(commit, path, options))) throw new S3Error('NoSuchVersion', { fields })
  const detail = { fields: { ResourceType: 'DeleteMarker' }, headers: { ...deleteMarker(versionId), allow: 'DELETE' } }
  throw new S3Error('MethodNotAllowed', detail)
}

/** The headers by which S3 tells of a delete marker. */
function deleteMarker(versionId: string): Readonly<Record<string, string>> {
  return { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId }
}
