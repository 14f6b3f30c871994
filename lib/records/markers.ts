import { emptyFileHash } from '../pfs/file-hash.js'
import type { KeyRecords, ObjectRecord, RecordedVersion } from './record.js'
import { type ContentId, contentIdOf } from './record-path.js'

/**
 * Directory markers: empty objects whose keys end with `/`. They have no file in PFS, where pipelines would see it. The
 * versions in the record of the key's empty content tell when a marker was created or deleted.
 */

/** The content of every directory marker. */
export const markerContent: ContentId = contentIdOf(emptyFileHash)

/**
 * The last version of a record that changed a marker on a branch, up to a time; undefined if no version did. All times come
 * from PFS, so they can be compared.
 */
export function markerEvent(
  record: Pick<ObjectRecord, 'versions'> | undefined,
  branch: string,
  before?: Date,
): RecordedVersion | undefined {
  let last: RecordedVersion | undefined
  for (const version of record?.versions ?? []) {
    if (version.marker === undefined || version.branch !== branch) continue
    if (before !== undefined && version.time.getTime() > before.getTime()) continue
    if (last === undefined || version.time.getTime() >= last.time.getTime()) last = version
  }
  return last
}

/** The version that created the current marker of a key on a branch, or the marker at a time; undefined without a marker. */
export function currentMarker(records: KeyRecords, branch: string, before?: Date): RecordedVersion | undefined {
  const event = markerEvent(records.get(markerContent), branch, before)
  return event?.marker === 'made' ? event : undefined
}
