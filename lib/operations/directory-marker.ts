import type { Change, NewContent } from '../commits/change.js'
import type { Committed } from '../commits/commit-changes.js'
import { withTimeLimit } from '../pfs/time-limit.js'
import { markerContent, markerEvent } from '../records/markers.js'
import { type Description, type MarkerChange, timeOfWrite, type Version } from '../records/record.js'
import type { RecordChange } from '../records/record-change.js'
import { isMarkerPath, type RecordName } from '../records/record-path.js'
import { findObject } from '../resolver/object.js'
import type { BucketCall } from './call.js'

/** Whether a write creates a directory marker: an empty object whose key ends with `/`. It gets no file in PFS. */
export function isMarkerWrite({ gateway }: BucketCall, path: string, content: NewContent): boolean {
  const size = 'raw' in content ? content.raw.length : content.sizeBytes
  return size === 0 && keepsMarkers(gateway, path)
}

/** Whether an empty object at a path is kept as a directory marker. */
export function keepsMarkers({ records }: BucketCall['gateway'], path: string): boolean {
  return records.mode !== 'off' && isMarkerPath(path)
}

/** Wraps a change so that its condition sees a directory marker like a file. */
export function withMarker<C extends Pick<Change, 'path' | 'condition'>>(call: BucketCall, change: C): C {
  const { path, condition } = change
  const { gateway, bucket, options } = call
  if (condition === undefined || !keepsMarkers(gateway, path)) return change
  return {
    ...change,
    condition: async (current) => {
      if (current !== undefined) return condition(current)
      gateway.records.refresh(bucket.branch.repo)
      const marker = await findObject(gateway, { bucket, path }, options)
      return condition(marker?.info)
    },
  }
}

/** Records that a commit created the directory marker at a path, with its attributes. */
export async function recordMarker(
  call: BucketCall,
  path: string,
  description: Description,
  made: Committed,
): Promise<void> {
  const version = versionOf(call, made, 'made')
  await writeRecords(call, [{ name: nameOf(call, path), kind: 'append', line: { description, versions: [version] } }])
}

/**
 * Records that commits have deleted keys that are or were directory markers, or replaced them with files. Other keys that
 * end with `/` cost a read of their records; all others cost nothing.
 */
export async function recordMarkerEnds(
  call: BucketCall,
  changed: ReadonlyMap<string, Committed>,
  change: 'removed' | 'replaced',
): Promise<void> {
  const { gateway, bucket, options } = call
  const { repo, name } = bucket.branch
  const paths = [...changed.keys()].filter((path) => keepsMarkers(gateway, path))
  if (paths.length === 0) return
  gateway.records.refresh(repo)
  const records = await gateway.records.readPage(repo, paths, options)
  const changes: RecordChange[] = []
  for (const [path, made] of changed) {
    const last = markerEvent(records.get(path)?.get(markerContent), name)?.marker
    // A removed marker cannot be removed again.
    if (last === undefined || (last === 'removed' && change === 'removed')) continue
    const version = versionOf(call, made, change)
    changes.push({ name: nameOf(call, path), kind: 'append', line: { versions: [version] } })
  }
  await writeRecords(call, changes)
}

/** Removes deleted versions of a directory marker from its record. */
export function forgetVersions(
  call: BucketCall,
  path: string,
  commitIds: { has(commitId: string): boolean },
): RecordChange {
  const isKept = ({ marker, branch, commitId }: Version): boolean =>
    marker === undefined || branch !== call.bucket.branch.name || !commitIds.has(commitId)
  return {
    name: nameOf(call, path),
    kind: 'update',
    update: (known) => {
      if (known === undefined) return undefined
      const versions = known.versions.filter(isKept)
      return versions.length === known.versions.length ? known : { ...known, versions }
    },
  }
}

function nameOf({ bucket }: BucketCall, path: string): RecordName {
  return { repo: bucket.branch.repo, path, content: markerContent }
}

/** Even an open commit is a version: a directory marker has no file in PFS that later writes may replace there. */
function versionOf({ bucket }: BucketCall, made: Committed, marker: MarkerChange): Version {
  return { commitId: made.commitId, branch: bucket.branch.name, time: timeOfWrite(made).time, marker }
}

/** Writes records after the commit, even if the client leaves. */
async function writeRecords({ gateway, options }: BucketCall, changes: readonly RecordChange[]): Promise<void> {
  await withTimeLimit(options, (limited) => gateway.records.write(changes, limited))
}
