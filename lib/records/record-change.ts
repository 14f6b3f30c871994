import {
  addVersions,
  idOfVersion,
  limitVersions,
  maxMarkerVersions,
  type ObjectRecord,
  type RecordedVersion,
} from './record.js'
import { serializeRecord } from './record-format.js'
import type { RecordName } from './record-path.js'

/**
 * A change of one record. All changes except updates are written without reading the record, so that the cost of a write is
 * independent of its size:
 *
 *     describe   sets all but the versions, and adds those of `record`
 *     version    adds a version
 *     remove     removes the record
 *     update     computes a record from the current one; null removes it, undefined leaves it unchanged
 */
export type RecordChange = {
  readonly name: RecordName
  /** The commit of the user repo that it describes, if that exists already. */
  readonly commitId?: string
} & (
  | { readonly kind: 'describe'; readonly record: ObjectRecord }
  | { readonly kind: 'version'; readonly version: RecordedVersion }
  | { readonly kind: 'remove' }
  | { readonly kind: 'update'; readonly update: RecordUpdate }
)

/** Computes a record from the current one; null deletes it, undefined leaves it unchanged. */
export type RecordUpdate = (known: ObjectRecord | undefined) => ObjectRecord | null | undefined

/** The record after a change. Applying the same changes again has no effect. */
export function applyChange(known: ObjectRecord | undefined, change: RecordChange): ObjectRecord | undefined {
  switch (change.kind) {
    case 'describe':
      return addVersions({ ...change.record, versions: known?.versions ?? [] }, change.record.versions)
    case 'version':
      return addVersions(known, [change.version])
    case 'remove':
      return undefined
    case 'update': {
      const updated = change.update(known)
      return updated === undefined ? known : (updated ?? undefined)
    }
  }
}

/** The record after several changes. */
export function applyAll(known: ObjectRecord | undefined, changes: readonly RecordChange[]): ObjectRecord | undefined {
  return changes.reduce(applyChange, known)
}

/** A record that was replaced as a whole: what it was thought to be, and what it is now. */
export interface Replacement {
  readonly before: ObjectRecord | undefined
  readonly after: ObjectRecord | undefined
}

/**
 * The update that restores what others wrote just before a record was replaced; undefined if nothing was lost. `replaced` is
 * the record that `changes` should have changed.
 */
export function restorationOf(
  replaced: ObjectRecord | undefined,
  { before, after }: Replacement,
  changes: readonly RecordChange[],
): RecordUpdate | undefined {
  if (replaced === undefined) return undefined
  const isLost = lacks(before)
  const lost = replaced.versions.filter(isLost)
  const isDescribed = descriptionOf(replaced) !== descriptionOf(before)
  if (lost.length === 0 && !isDescribed) return undefined
  const merged = applyAll(replaced, changes)
  return (current) => {
    if (current === undefined) return undefined
    // A later description stays.
    const described = isDescribed && descriptionOf(current) === descriptionOf(after) ? merged : current
    const versions = [...current.versions, ...lost.filter(lacks(current))]
    versions.sort((a, b) => a.time.getTime() - b.time.getTime())
    // With more, the record could not be read again.
    return { ...(described ?? current), versions: limitVersions(versions, maxMarkerVersions) }
  }
}

/** Whether a record has no such version. */
function lacks(record: ObjectRecord | undefined): (version: RecordedVersion) => boolean {
  const ids = new Set(record?.versions.map(idOfVersion))
  return (version) => !ids.has(idOfVersion(version))
}

function descriptionOf(record: ObjectRecord | undefined): string {
  return record === undefined ? '' : serializeRecord('', { ...record, versions: [] }).toString()
}
