import { inspectHead } from '../commits/head.js'
import { mapWithLimit } from '../concurrency.js'
import { S3Error } from '../errors.js'
import { withTimeLimit } from '../pfs/time-limit.js'
import { hiddenVersions } from '../records/hidden-versions.js'
import { emptyDescription, type HiddenVersion, type KeyRecords } from '../records/record.js'
import type { RecordChange } from '../records/record-change.js'
import { hiddenId, isMarkerPath } from '../records/record-path.js'
import { isCommitId } from '../resolver/bucket-name.js'
import { commitOfVersion, findObject } from '../resolver/object.js'
import { versionAsOf } from '../resolver/versions/object-version.js'
import type { KeyVersion } from '../resolver/versions/version-walk.js'
import { type BucketCall, immutableVersion } from './call.js'
import { isExpecting, requireExpectedObject } from './delete-condition.js'
import { forgetVersions } from './directory-marker.js'
import { type AffectedKey, restoreVersions } from './restore-versions.js'
import type { DeletedVersion, Deletions, NamedVersion } from './version-batches.js'

/** Concurrent look-ups of versions. */
const maxLookups = 8

/**
 * Hides versions of objects: PFS keeps them, but no request returns them. If the current version of a key is among them,
 * the version before it is restored by a copy inside PFS. All keys share at most one commit of data and one of records, also
 * those of requests that wait for their turn at the same time. Once it has its turn, it ends even if the client leaves. A
 * concurrent write of the same key by another gateway goes unnoticed.
 *
 * @throws S3Error MethodNotAllowed if this gateway does not hide versions, OperationAborted while a commit is open
 * @throws PfsError if the bucket is missing or the caller may not write it; an error of one version is its outcome
 */
export async function deleteVersions(call: BucketCall, named: readonly NamedVersion[]): Promise<Deletions> {
  const { gateway, bucket, options } = call
  if (!gateway.hidesVersions) throw immutableVersion()
  await gateway.commits.requireWriteAccess(bucket.branch, options)
  return gateway.versionBatches.run(bucket.branch, named, options, (all, shared) =>
    deleteInTurn({ ...call, options: shared }, all),
  )
}

async function deleteInTurn(call: BucketCall, named: readonly NamedVersion[]): Promise<Deletions> {
  const { gateway, bucket, options } = call
  const { branch } = bucket
  const head = await inspectHead(gateway.pfs, branch, options)
  if (head.state === 'open') throw openCommit()
  // Another gateway may have hidden versions a moment ago.
  gateway.records.refresh(branch.repo)
  const records = await gateway.records.readPage(branch.repo, [...new Set(named.map(({ path }) => path))], options)
  const commitIds = new Set(named.map(({ versionId }) => versionId).filter(isCommitId))
  const known = await gateway.ancestry.ancestorsAmong(branch, commitIds, head.commitId, options)
  const lookups = await mapWithLimit(maxLookups, named, (each) =>
    settled(resolve(call, each, known, records.get(each.path) ?? new Map())),
  )
  const affected = affectedKeys(call, named, lookups, records)
  const restored = await restoreVersions(call, head.commitId, affected)
  const updates = [...affected].flatMap(([path, { versions }]): RecordChange[] => {
    const outcome = restored.get(path)
    if (outcome?.status === 'rejected') return []
    const hidden = [...versions.values()].map(({ commitId, content }) => hiddenOf(branch.name, commitId, content))
    if (outcome?.value !== undefined) hidden.push(outcome.value)
    const records = hidden.map(
      (each): RecordChange => ({
        name: { repo: branch.repo, path, content: hiddenId(each.commitId, branch.name) },
        kind: 'append',
        line: { description: emptyDescription, versions: [], hidden: each },
      }),
    )
    return isMarkerPath(path) ? [...records, forgetVersions(call, path, versions)] : records
  })
  // With a new limit: the commit that restores a version must be hidden, too.
  await withTimeLimit(options, (limited) => gateway.records.write(updates, limited))
  return lookups.map((lookup, index): PromiseSettledResult<DeletedVersion> => {
    if (lookup.status === 'rejected') return lookup
    const outcome = restored.get(named[index]?.path ?? '')
    if (outcome?.status === 'rejected') return outcome
    return {
      status: 'fulfilled',
      value: { isMarker: lookup.value !== undefined && lookup.value.content === undefined },
    }
  })
}

/** The version to delete; undefined if it does not exist, in which case there is nothing to do. */
async function resolve(
  call: BucketCall,
  { key, path, versionId, expected }: NamedVersion,
  ancestors: ReadonlySet<string>,
  records: KeyRecords,
): Promise<KeyVersion | undefined> {
  const { gateway, bucket, options } = call
  if (versionId !== 'null') commitOfVersion(bucket, versionId)
  const isKnown = ancestors.has(versionId)
  const start = { branch: bucket.branch, path, commitId: versionId }
  const version = isKnown ? await versionAsOf(gateway, start, records, options) : undefined
  const isShown = version !== undefined && !hiddenVersions(records, bucket.branch.name).has(version.commitId)
  if (isExpecting(expected)) {
    const object = isShown ? await findObject(gateway, { bucket, path, versionId }, options) : undefined
    requireExpectedObject(object, expected, key)
  }
  // A commit after the deletion of a key is not a version of it.
  if (!isShown || (version.content === undefined && version.commitId !== versionId)) return undefined
  return version
}

/** The keys whose versions will be hidden. */
function affectedKeys(
  { bucket }: BucketCall,
  named: readonly NamedVersion[],
  lookups: readonly PromiseSettledResult<KeyVersion | undefined>[],
  records: ReadonlyMap<string, KeyRecords>,
): ReadonlyMap<string, AffectedKey> {
  const affected = new Map<string, AffectedKey>()
  for (const [index, lookup] of lookups.entries()) {
    const path = named[index]?.path
    if (path === undefined || lookup.status === 'rejected' || lookup.value === undefined) continue
    const known = records.get(path) ?? new Map()
    const key = affected.get(path) ?? {
      records: known,
      hidden: hiddenVersions(known, bucket.branch.name),
      versions: new Map<string, KeyVersion>(),
    }
    const versions = new Map(key.versions).set(lookup.value.commitId, lookup.value)
    affected.set(path, { ...key, versions })
  }
  return affected
}

function hiddenOf(branch: string, commitId: string, content: string | undefined): HiddenVersion {
  return { commitId, branch, ...(content !== undefined && { content }) }
}

function openCommit(): S3Error {
  return new S3Error('OperationAborted', {
    message: 'A commit of this branch is open. Delete the version when the commit is finished.',
  })
}

async function settled<Value>(work: Promise<Value>): Promise<PromiseSettledResult<Value>> {
  const [result] = await Promise.allSettled([work])
  return result
}
