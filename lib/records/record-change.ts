import { addVersions, type ObjectRecord, type RecordedVersion } from './record.js'
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
