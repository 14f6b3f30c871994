import type { HiddenVersion } from './record.js'
import type { KeyRecords } from './record-cache.js'
import type { ContentId } from './record-path.js'

/** The hidden versions of a key on a branch, by commit id. */
export function hiddenVersions(records: KeyRecords, branch: string): ReadonlyMap<string, HiddenVersion> {
  const found = new Map<string, HiddenVersion>()
  for (const { hidden } of records.values()) if (hidden?.branch === branch) found.set(hidden.commitId, hidden)
  return found
}

/** The contents that records list for commits of a branch, by commit id. */
export function recordedVersions(records: KeyRecords, branch: string): ReadonlyMap<string, ContentId> {
  const found = new Map<string, ContentId>()
  for (const [content, { versions }] of records) {
    for (const version of versions) if (version.branch === branch) found.set(version.commitId, content)
  }
  return found
}
