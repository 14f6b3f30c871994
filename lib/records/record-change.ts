import { isDeepStrictEqual } from 'node:util'
import { idOfVersion, limitVersions, type ObjectRecord, type RecordedVersion } from './record.js'
import { RecordBuilder, type RecordLine } from './record-lines.js'
import type { RecordName } from './record-path.js'

/**
 * A change of one record. All changes except updates are written without reading the record, so that the cost of a write is
 * independent of its size:
 *
 *     append   adds a line
 *     remove   removes the record
 *     update   computes a record from the current one
 */
export type RecordChange = {
  readonly name: RecordName
  /** The commit of the user repo that it describes, if that exists already. */
  readonly commitId?: string
} & (
  | { readonly kind: 'append'; readonly line: RecordLine }
  | { readonly kind: 'remove' }
  | { readonly kind: 'update'; readonly update: RecordUpdate }
)

/** Computes a record from the current one; null deletes it, undefined leaves it unchanged. */
export type RecordUpdate = (known: ObjectRecord | undefined) => ObjectRecord | null | undefined

/** The record after a change. Applying the same changes again has no effect. */
export function applyChange(known: ObjectRecord | undefined, change: RecordChange): ObjectRecord | undefined {
  switch (change.kind) {
    case 'append':
      return withLine(known, change.line)
    case 'remove':
      return undefined
    case 'update': {
      const updated = change.update(known)
      return updated === undefined ? known : (updated ?? undefined)
    }
  }
}

/** The record after a line was appended. */
export function withLine(known: ObjectRecord | undefined, line: RecordLine): ObjectRecord {
  return new RecordBuilder(known).add(line).build()
}

/** The record after several changes. */
export function applyAll(known: ObjectRecord | undefined, changes: readonly RecordChange[]): ObjectRecord | undefined {
  return changes.reduce(applyChange, known)
}

/**
 * The update that restores what others wrote just before a record was replaced; undefined if nothing was lost. `replaced` is
 * the record that `changes` should have changed, and `after` the one that replaced it.
 */
export function restorationOf(
  replaced: ObjectRecord | undefined,
  after: ObjectRecord | undefined,
  changes: readonly RecordChange[],
): RecordUpdate | undefined {
  const merged = replaced && applyAll(replaced, changes)
  if (merged === undefined || isDeepStrictEqual(merged, after)) return undefined
  return (current) => {
    if (current === undefined) return undefined
    const versions = [...mergedMap(versionsById(current), versionsById(after), versionsById(merged)).values()]
    versions.sort((a, b) => a.time.getTime() - b.time.getTime())
    return {
      ...current,
      latest: isDeepStrictEqual(current.latest, after?.latest) ? merged.latest : current.latest,
      versions: limitVersions(versions),
      announced: mergedMap(current.announced, after?.announced ?? new Map(), merged.announced),
    }
  }
}

function versionsById(record: ObjectRecord | undefined): ReadonlyMap<string, RecordedVersion> {
  return new Map(record?.versions.map((version) => [idOfVersion(version), version]))
}

/** The entries of `merged`, except those that were changed between `after` and `current`. */
function mergedMap<Value>(
  current: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  merged: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value> {
  const result = new Map<string, Value>()
  for (const key of new Set([...merged.keys(), ...current.keys()])) {
    const value = (isDeepStrictEqual(current.get(key), after.get(key)) ? merged : current).get(key)
    if (value !== undefined) result.set(key, value)
  }
  return result
}
