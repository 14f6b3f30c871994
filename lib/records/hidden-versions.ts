import type { HiddenVersion, KeyRecords } from './record.js'

/** The hidden versions of a key on a branch, by commit id. */
export function hiddenVersions(records: KeyRecords, branch: string): ReadonlyMap<string, HiddenVersion> {
  const found = new Map<string, HiddenVersion>()
  for (const { hidden } of records.values()) if (hidden?.branch === branch) found.set(hidden.commitId, hidden)
  return found
}

/**
 * Most commits to follow from one that restored a version to the one that it restored. A gateway restores only versions that
 * are shown, so one is enough, unless gateways delete versions of a key at the same time.
 */
const maxRestored = 4

/**
 * Returns a function that names the commit whose state a hidden version restored, or undefined if it restored none. It
 * names at most four: records that a user has planted may form a long chain or a circle.
 */
export function createRestoredFrom(
  hidden: ReadonlyMap<string, HiddenVersion>,
): (commitId: string) => string | undefined {
  let left = maxRestored
  return (commitId) => {
    const asOf = hidden.get(commitId)?.asOf
    left -= 1
    return left < 0 ? undefined : asOf
  }
}

/**
 * The contents that records list for commits of a branch, by commit id; undefined for the removal of a directory marker.
 * Leaves out commits that were open when they were recorded: they may have another content at their end.
 */
export function recordedVersions(records: KeyRecords, branch: string): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const [content, { versions, hidden }] of records) {
    // The record of a directory marker does not list its hidden versions.
    if (hidden?.branch === branch) found.set(hidden.commitId, hidden.content)
    for (const version of versions) {
      if (version.branch !== branch || version.marker === 'replaced' || version.isOpen === true) continue
      found.set(version.commitId, version.marker === 'removed' ? undefined : content)
    }
  }
  return found
}
