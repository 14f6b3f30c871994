import type { ContentId } from './record-path.js'

/** Headers that describe the content of an object and that S3 returns unchanged, in lower case. */
export const contentHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-website-redirect-location',
] as const

export type ContentHeader = (typeof contentHeaders)[number]

/** A checksum in S3's format: base64; a composite one ends with the number of parts. */
export interface RecordedChecksum {
  /** In lower case, such as `crc32c`. */
  readonly algorithm: string
  readonly type: 'FULL_OBJECT' | 'COMPOSITE'
  readonly value: string
}

/** The largest number of a part, and so the most parts of an upload. */
export const maxPartNumber = 10_000

/** A part of a multipart upload, in the order of its bytes in the object. */
export interface RecordedPart {
  readonly number: number
  readonly size: number
  /** In base64; undefined if the upload kept no checksum. */
  readonly checksum?: string
}

/** A commit that wrote the content to the key. */
export interface Version {
  readonly commitId: string
  readonly branch: string
  /** When PFS closed the commit for writes; if `isOpen`, when it was started. */
  readonly time: Date
  /** Set if another client had the commit open when the object was written: later writes may have replaced it there. */
  readonly isOpen?: true
  /** Set if the key is or was a directory marker, which has no file in PFS; undefined for a file. */
  readonly marker?: MarkerChange
  /** The tags that replaced those of the write. */
  readonly tags?: Description['tags']
}

/** The time of a version in a record. */
export function timeOfWrite(commit: {
  /** When it was closed; undefined while it is open. */
  readonly time: Date | undefined
  readonly started?: Date | undefined
}): Pick<Version, 'time' | 'isOpen'> {
  const { time, started = new Date(0) } = commit
  return time === undefined ? { time: started, isOpen: true } : { time }
}

/** The change that a commit made to a directory marker; `replaced` if it wrote a file in its place. */
export type MarkerChange = (typeof markerChanges)[number]
export const markerChanges = ['made', 'removed', 'replaced'] as const

/** A hidden version of a key: PFS keeps it, but it was deleted, or was made only to restore an earlier version. */
export interface HiddenVersion {
  readonly commitId: string
  readonly branch: string
  /** PFS's hash of its content in hex; undefined for a delete marker. */
  readonly content?: string
  /** The commit whose version this one restored, if a gateway made it after a deletion. */
  readonly asOf?: string
}

/** The attributes of an object that PFS cannot store, as one write sets them. */
export interface Description {
  readonly headers: Readonly<Partial<Record<ContentHeader, string>>>
  /** User metadata by name, without `x-amz-meta-`, in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  /** Tags in their original order. */
  readonly tags: readonly (readonly [key: string, value: string])[]
  /** Without quotes: the MD5 of the content, or `md5-of-md5s-N`; undefined if it was not computed. */
  readonly etag?: string
  readonly checksum?: RecordedChecksum
  readonly parts: readonly RecordedPart[]
}

/** The attributes that the client chooses. */
export type ObjectAttributes = Pick<Description, 'headers' | 'metadata' | 'tags'>

/** A version with its attributes. */
export interface RecordedVersion extends Version {
  readonly description: Description
}

/** A write whose commit is not recorded yet. */
export interface Announcement {
  readonly description: Description
  /** Its commit is later than this; undefined if that is unknown. */
  readonly after?: Date
}

/** The attributes of one content of a key. */
export interface ObjectRecord {
  /** The attributes of the last write, for objects whose version is not recorded. */
  readonly latest: Description
  /** In the order in which they were recorded. */
  readonly versions: readonly RecordedVersion[]
  /** Writes that are not among the versions yet, by branch: their commits may not be made yet. */
  readonly announced: ReadonlyMap<string, Announcement>
  /** The tags that replaced those of announced writes, by branch; they will be those of its version. */
  readonly announcedTags: ReadonlyMap<string, Description['tags']>
  /** Set in a record that only marks one version of the key as hidden. */
  readonly hidden?: HiddenVersion
}

/** All records of one key. */
export type KeyRecords = ReadonlyMap<ContentId, ObjectRecord>

/** The records of a key without records. */
export const noRecords: KeyRecords = new Map()

/** A description without attributes. */
export const emptyDescription: Description = { headers: {}, metadata: {}, tags: [], parts: [] }

/** A record without attributes. */
export const emptyRecord: ObjectRecord = {
  latest: emptyDescription,
  versions: [],
  announced: new Map(),
  announcedTags: new Map(),
}

/** A commit, and when it was closed; undefined while it is open. */
export interface CommitOnBranch extends Pick<Version, 'branch' | 'commitId'> {
  readonly time: Date | undefined
}

/**
 * The attributes of an object in a commit on a branch. `version` is the last recorded one up to there. They are those of
 * that version, unless a write that follows it is announced: its commit may be this one.
 */
export function descriptionAt(
  record: ObjectRecord,
  version: RecordedVersion | undefined,
  at: CommitOnBranch,
): Description {
  const next = announcedAfter(record, version, at)?.description
  const description = next ?? version?.description ?? record.latest
  const tags = next === undefined ? version?.tags : record.announcedTags.get(at.branch)
  return tags === undefined ? description : { ...description, tags }
}

/** The announced write that may have made a commit after the last recorded version. */
export function announcedAfter(
  { announced }: ObjectRecord,
  version: RecordedVersion | undefined,
  { branch, commitId, time }: CommitOnBranch,
): Announcement | undefined {
  if (version?.commitId === commitId) return undefined
  const found = announced.get(branch)
  const isBefore = found?.after !== undefined && time !== undefined && time.getTime() <= found.after.getTime()
  return isBefore ? undefined : found
}

/** Limits on the attributes of an object, so that any client can read its headers: some accept at most 16 KiB. */
export const attributeLimits = {
  /** Names and values of user metadata, in bytes of UTF-8. */
  metadataBytes: 2048,
  /** Names and values of content headers, in bytes. */
  headerBytes: 8192,
  tags: 10,
  tagKeyCharacters: 128,
  tagValueCharacters: 256,
} as const

/** Total bytes of all names and values, in UTF-8. */
export function attributeBytes(texts: Readonly<Record<string, string>>): number {
  return Object.entries(texts).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
}

/** Content types without information, which some clients send with every object. */
const genericTypes: ReadonlySet<string | undefined> = new Set(['application/octet-stream', 'binary/octet-stream'])

/** Whether an object without a record would be served with something missing; `defaultType` is its content type then. */
export function needsRecord(description: Description, defaultType: string): boolean {
  return !isServedWithout(description) || !hasType(description, defaultType)
}

/** Whether at most the content type of an object is lost without its record. */
export function isServedWithout({ headers, metadata, tags, parts }: Description): boolean {
  const { 'content-type': _, ...others } = headers
  return [Object.keys(others).length, Object.keys(metadata).length, tags.length, parts.length].every(
    (each) => each === 0,
  )
}

function hasType({ headers: { 'content-type': type } }: Description, defaultType: string): boolean {
  return type === undefined || type === defaultType || genericTypes.has(type)
}

/** Maximum versions of one content in its record, and of a directory marker, whose versions tell whether it exists. */
const maxVersions = 100
export const maxMarkerVersions = 1000

/** Drops the oldest versions beyond the maximum, but not the last one of a branch: writes to other branches do not change it. */
export function limitVersions(versions: readonly RecordedVersion[]): readonly RecordedVersion[] {
  const most = versions.some(({ marker }) => marker !== undefined) ? maxMarkerVersions : maxVersions
  let surplus = versions.length - most
  if (surplus <= 0) return versions
  const byTime = versions.toSorted((a, b) => a.time.getTime() - b.time.getTime())
  const lastOfBranch = new Set(new Map(byTime.map((version) => [version.branch, version])).values())
  const kept = byTime.filter((version) => {
    if (surplus <= 0 || lastOfBranch.has(version)) return true
    surplus -= 1
    return false
  })
  return kept.slice(-most)
}

/** The different descriptions of a record, newest first. */
export function descriptionsOf({ latest, versions, announced }: ObjectRecord): readonly Description[] {
  if (announced.size === 0 && versions.every(({ description }) => description === latest)) return [latest]
  const before = versions.map(({ description }) => description).reverse()
  const next = [...announced.values()].map(({ description }) => description)
  return [...new Set([latest, ...next, ...before])]
}

/** A record with other descriptions. */
export function mapDescriptions(record: ObjectRecord, map: (description: Description) => Description): ObjectRecord {
  return {
    ...record,
    latest: map(record.latest),
    versions: record.versions.map((version) => ({ ...version, description: map(version.description) })),
    announced: new Map(
      [...record.announced].map(([branch, each]) => [branch, { ...each, description: map(each.description) }]),
    ),
  }
}

/** Drops the parts of old versions beyond as many as one object can have: a record that is too long cannot be read. */
export function limitParts(record: ObjectRecord): ObjectRecord {
  let left = maxPartNumber
  const tooLong = descriptionsOf(record).filter(({ parts }) => {
    left -= parts.length
    return left < 0 && parts.length > 0
  })
  return tooLong.length === 0 ? record : withoutParts(record, tooLong)
}

/** Leaves out the parts of some descriptions of a record. */
export function withoutParts(record: ObjectRecord, descriptions: readonly Description[]): ObjectRecord {
  const shortened = new Map(descriptions.map((each) => [each, { ...each, parts: [] }]))
  return mapDescriptions(record, (each) => shortened.get(each) ?? each)
}

/**
 * Identifies a version. Branches may share a commit, which may have created a directory marker on one branch and deleted it
 * on another.
 */
export function idOfVersion({ commitId, branch, marker }: Version): string {
  return `${commitId} ${branch} ${marker}`
}

/** Approximate memory of a record, in bytes. */
export function sizeOfRecord(record: ObjectRecord): number {
  const { versions, announced, announcedTags, hidden } = record
  let size = 300 + (hidden?.branch.length ?? 0)
  // A record may name branches of any length that no repo has.
  for (const { branch, tags = [] } of versions) size += 100 + branch.length + sizeOfTexts(tags)
  for (const branch of announced.keys()) size += branch.length
  for (const tags of announcedTags.values()) size += sizeOfTexts(tags)
  for (const { headers, metadata, tags, parts } of descriptionsOf(record)) {
    size += 200 + 200 * parts.length + sizeOfTexts([...Object.entries(headers), ...Object.entries(metadata), ...tags])
  }
  return size
}

function sizeOfTexts(texts: readonly (readonly [string, string])[]): number {
  return texts.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
}
