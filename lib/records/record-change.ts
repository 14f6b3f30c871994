import { addVersions, type ObjectRecord, type RecordedVersion } from './record.js'
import type { RecordName } from './record-path.js'

/**
 * A change of one record. All but an update can be written without reading what is there, so that a write costs the same
 * whatever lies beside it:
 *
 *     describe   sets all but the versions, and adds those of `record`
 *     version    adds a version
 *     remove     removes the record
 *     update     makes a record of the one that is there; null removes it, undefined leaves it as it is
 */
export type RecordChange = { readonly name: RecordName } & (
  | { readonly kind: 'describe'; readonly record: ObjectRecord }
  | { readonly kind: 'version'; readonly version: RecordedVersion }
  | { readonly kind: 'remove' }
  | { readonly kind: 'update'; readonly update: RecordUpdate }
)

/** Computes a record from the current one; null deletes it, undefined leaves it unchanged. */
export type RecordUpdate = (known: ObjectRecord | undefined) => ObjectRecord | null | undefined

/** The record after a change. Making the same changes once more has no effect. */
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
