import { isDeepStrictEqual } from 'node:util'
import {
  type Announcement,
  type Description,
  emptyRecord,
  idOfVersion,
  limitParts,
  limitVersions,
  mapDescriptions,
  type ObjectRecord,
  type RecordedVersion,
} from './record.js'
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
  const all = replaced && applyAll(replaced, changes)
  if (all === undefined) return undefined
  const share = createSharing()
  const merged = share(all)
  const replacement = share(after ?? emptyRecord)
  if (after !== undefined && isDeepStrictEqual(merged, replacement)) return undefined
  return (known) => {
    if (known === undefined) return undefined
    const current = share(known)
    const byId = mergedMap(versionsById(current), versionsById(replacement), versionsById(merged), isSameVersion)
    const versions = [...byId.values()].sort((a, b) => a.time.getTime() - b.time.getTime())
    return limitParts({
      ...current,
      latest: current.latest === replacement.latest ? merged.latest : current.latest,
      versions: limitVersions(versions),
      announced: mergedMap(current.announced, replacement.announced, merged.announced, isSameAnnouncement),
      announcedTags: mergedMap(
        current.announcedTags,
        replacement.announcedTags,
        merged.announcedTags,
        isDeepStrictEqual,
      ),
    })
  }
}

/**
 * Returns a function that makes equal descriptions of records identical. Comparing all versions of two records takes seconds
 * if each has a description of 10,000 parts.
 */
function createSharing(): (record: ObjectRecord) => ObjectRecord {
  const byText = new Map<string, Description>()
  const shared = new Map<Description, Description>()
  const share = (each: Description): Description => {
    const known = shared.get(each)
    if (known !== undefined) return known
    const { headers, metadata, tags, etag, checksum, parts } = each
    const lists = [Object.entries(headers).sort(), Object.entries(metadata).sort(), tags]
    const { algorithm, type, value } = checksum ?? {}
    const listed = parts.map((part) => [part.number, part.size, part.checksum])
    const text = JSON.stringify([lists, etag, algorithm, type, value, listed])
    const first = byText.get(text) ?? each
    byText.set(text, first)
    shared.set(each, first)
    return first
  }
  return (record) => mapDescriptions(record, share)
}

/** Compares versions whose descriptions are shared. */
function isSameVersion(a: RecordedVersion | undefined, b: RecordedVersion | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const { description, ...fields } = a
  const { description: other, ...otherFields } = b
  return description === other && isDeepStrictEqual(fields, otherFields)
}

/** The same for announcements. */
function isSameAnnouncement(a: Announcement | undefined, b: Announcement | undefined): boolean {
  return a?.description === b?.description && a?.after?.getTime() === b?.after?.getTime()
}

function versionsById({ versions }: ObjectRecord): ReadonlyMap<string, RecordedVersion> {
  return new Map(versions.map((version) => [idOfVersion(version), version]))
}

/** The entries of `merged`, except those that were changed between `after` and `current`. */
function mergedMap<Value>(
  current: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  merged: ReadonlyMap<string, Value>,
  isSame: (a: Value | undefined, b: Value | undefined) => boolean,
): ReadonlyMap<string, Value> {
  const result = new Map<string, Value>()
  for (const key of new Set([...merged.keys(), ...current.keys()])) {
    const value = (isSame(current.get(key), after.get(key)) ? merged : current).get(key)
    if (value !== undefined) result.set(key, value)
  }
  return result
}
