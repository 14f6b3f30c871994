import type { HiddenVersion } from './record.js'
import type { KeyRecords } from './record-cache.js'
import type { ContentId } from './record-path.js'

/** The hidden versions of a key on a branch, by commit id. */
export function hiddenVersions(records: KeyRecords, branch: string): ReadonlyMap<string, HiddenVersion> {
  const found = new Map<string, HiddenVersion>()
  for (const { hidden } of records.values()) if (hidden?.branch === branch) found.set(hidden.commitId, hidden)
  return found
}

/** The contents that records list for commits of a branch, by commit id; undefined for the removal of a directory marker. */
export function recordedVersions(records: KeyRecords, branch: string): ReadonlyMap<string, ContentId | undefined> {
  const found = new Map<string, ContentId | undefined>()
  for (const [content, { versions, hidden }] of records) {
    // The record of a directory marker does not list its hidden versions.
    if (hidden?.branch === branch) found.set(hidden.commitId, hidden.content)
    for (const version of versions) {
      if (version.branch !== branch || version.marker === 'replaced') continue
      found.set(version.commitId, version.marker === 'removed' ? undefined : content)
    }
  }
  return found
}
