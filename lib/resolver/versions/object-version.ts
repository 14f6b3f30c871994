import type { CommitLog } from '../../commits/commit-log.js'
import { createSemaphore } from '../../concurrency.js'
import { S3Error } from '../../errors.js'
import type { Branch, CallOptions, Commit, CommitInfo, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { findFile } from '../../pfs/path.js'
import { markerContent, markerEvent } from '../../records/markers.js'
import { hiddenVersions, recordedVersions } from '../../records/record.js'
import type { KeyRecords } from '../../records/record-cache.js'
import { commitOf } from '../bucket-name.js'
import type { KeyCodec } from '../key.js'
import { commitOfVersion, findObject, type ObjectName, type ObjectSource, type StoredObject } from '../object.js'
import type { Ancestry } from './history.js'
import type { KeyVersion, VersionWalk } from './version-walk.js'

/** The stores that resolve versions. */
interface VersionSource extends ObjectSource {
  readonly keys: KeyCodec
  readonly ancestry: Ancestry
  readonly removals: RemovalSearch
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
  const removal = await findDeleteMarker(source, name, options)
  throw new S3Error('NoSuchKey', {
    fields: { Key: keys.keyFromPath(name.path) },
    ...(removal !== undefined && { headers: deleteMarker(removal) }),
  })
}

/** The id of the delete marker of a missing key, if it is found. */
async function findDeleteMarker(
  { records, removals }: VersionSource,
  { bucket, path }: ObjectName,
  options: CallOptions,
): Promise<string | undefined> {
  const { branch } = bucket
  const known = await records.read(branch.repo, path, options)
  const event = markerEvent(known.get(markerContent), branch.name)
  if (event?.marker === 'removed') return event.commitId
  const hidden = hiddenVersions(known, branch.name)
  for (let start = commitOf(bucket); ; ) {
    const removal = await removals.find(start, path, options)
    const hiddenRemoval = removal === undefined ? undefined : hidden.get(removal)
    if (hiddenRemoval === undefined) return removal
    if (hiddenRemoval.asOf === undefined) return undefined
    // This commit only restored the state of an earlier one, so the delete marker to show is that of the earlier one.
    start = { repo: branch.repo, id: hiddenRemoval.asOf }
  }
}

async function resolveNamed(
  source: VersionSource,
  name: ObjectName & { readonly versionId: string },
  options: CallOptions,
): Promise<StoredObject> {
  const { pfs, keys, records, ancestry, removals } = source
  const { bucket, versionId, path } = name
  const fields = { Key: keys.keyFromPath(path), VersionId: versionId }
  // S3's version id of objects from before versioning was enabled; a branch has no such objects.
  if (versionId === 'null') {
    await pfs.inspectCommit({ commit: commitOf(bucket) }, options)
    throw new S3Error('NoSuchVersion', { fields })
  }
  const commit = commitOfVersion(bucket, versionId)
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
  const isRemoval = event?.marker === 'removed' || (await removals.isRemovedIn(commit, path, options))
  if (!isRemoval) throw new S3Error('NoSuchVersion', { fields })
  const detail = { fields: { ResourceType: 'DeleteMarker' }, headers: { ...deleteMarker(versionId), allow: 'DELETE' } }
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
  const content = object && Buffer.from(object.info.hash).toString('hex')
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
  const hidden = hiddenVersions(records, branch.name)
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
    start = hidden.get(version?.commitId ?? '')?.asOf
    if (start === undefined) return version
  }
  return undefined
}

/** The headers of a delete marker. */
function deleteMarker(versionId: string): Readonly<Record<string, string>> {
  return { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId }
}

/**
 * Maximum commits to search for a delete marker, with two calls of about ten milliseconds each. Commits of this process are
 * searched only if they deleted the path, and not counted otherwise.
 */
const maxCommits = 10

/** Maximum concurrent searches; others wait. Clients that read missing keys send many requests. */
const maxSearches = 4

/** Finds the commits that deleted missing files. */
export interface RemovalSearch {
  /**
   * The id of the last commit that deleted a file; undefined if it is not among the last ten commits of other writers. PFS
   * has no index for this, and a key that never existed would make the search read the whole history.
   *
   * @throws PfsError as PFS does.
   */
  find(start: Commit, path: string, options: CallOptions): Promise<string | undefined>
  /** Whether a commit deleted a file that exists in the commit before it. */
  isRemovedIn(commit: Commit, path: string, options: CallOptions): Promise<boolean>
}

/** Creates a search that all callers share. */
export function createRemovalSearch(pfs: PfsClient, log: CommitLog): RemovalSearch {
  const limited = createSemaphore(maxSearches)

  /** The base of a commit: the nearest earlier commit that has not failed, since PFS drops the content of those. */
  async function baseOf({ parentCommit }: CommitInfo, options: CallOptions): Promise<CommitInfo | undefined> {
    let commit = parentCommit
    while (commit !== undefined) {
      const info: CommitInfo = await pfs.inspectCommit({ commit }, options)
      if (info.error === '') return info
      commit = info.parentCommit
    }
    return undefined
  }

  async function findRemoval(start: Commit, path: string, options: CallOptions): Promise<string | undefined> {
    const { repo } = start
    let info: CommitInfo | undefined = await pfs.inspectCommit({ commit: start }, options)
    for (let looked = 0; info !== undefined && looked < maxCommits; looked++) {
      const id = skipOthers(repo, info.commit.id ?? '', path)
      if (id !== info.commit.id) info = await pfs.inspectCommit({ commit: { repo, id } }, options)
      const base: CommitInfo | undefined = await baseOf(info, options)
      if (base !== undefined && (await findFile(pfs, { commit: base.commit, path }, options))) return id
      info = base
    }
    return undefined
  }

  /** The nearest commit, from `commitId` back, that may have changed the path. */
  function skipOthers(repo: Commit['repo'], commitId: string, path: string): string {
    let id = commitId
    for (let made = log.get(repo, id); made !== undefined && !made.paths.has(path); made = log.get(repo, id)) {
      id = made.parentId
    }
    return id
  }

  return {
    find: (start, path, options) =>
      limited(async () => {
        try {
          return await findRemoval(start, path, options)
        } catch (error) {
          // The commit has been deleted from the history in the meantime.
          if (isMissing(error, 'commit')) return undefined
          throw error
        }
      }),
    isRemovedIn: async (commit, path, options) => {
      const base = await baseOf(await pfs.inspectCommit({ commit }, options), options)
      return base !== undefined && (await findFile(pfs, { commit: base.commit, path }, options)) !== undefined
    },
  }
}
