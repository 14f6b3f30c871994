import { parseChecksumAlgorithm } from '../checksums.js'

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

/** A part of a multipart upload, in the order of its bytes in the object. */
export interface RecordedPart {
  readonly number: number
  readonly size: number
  /** In base64; undefined if the upload kept no checksum. */
  readonly checksum?: string
}

/** A commit that wrote the content to the key. */
export interface RecordedVersion {
  readonly commitId: string
  readonly branch: string
  /** When PFS made the commit. */
  readonly time: Date
  /** Whether the commit created or deleted a directory marker, which has no file in PFS; undefined for a file. */
  readonly marker?: 'made' | 'removed'
}

/** A hidden version of a key: PFS keeps it, but it was deleted, or was made only to restore an earlier version. */
export interface HiddenVersion {
  readonly commitId: string
  readonly branch: string
  /** PFS's hash of its content in hex; undefined for a delete marker. */
  readonly content?: string
  /** The commit whose version this one restored, if a gateway made it after a deletion. */
  readonly asOf?: string
}

/** The attributes of an object that PFS cannot store. A record belongs to one key and one content. */
export interface ObjectRecord {
  readonly headers: Readonly<Partial<Record<ContentHeader, string>>>
  /** User metadata by name, without `x-amz-meta-`, in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  /** Tags in their original order. */
  readonly tags: readonly (readonly [key: string, value: string])[]
  /** Without quotes: the MD5 of the content, or `md5-of-md5s-N`; undefined if it was not computed. */
  readonly etag?: string
  readonly checksum?: RecordedChecksum
  readonly parts: readonly RecordedPart[]
  /** Oldest first. */
  readonly versions: readonly RecordedVersion[]
  /** Set in a record that only marks one version of the key as hidden. */
  readonly hidden?: HiddenVersion
}

/** A record without attributes. */
export const emptyRecord: ObjectRecord = { headers: {}, metadata: {}, tags: [], parts: [], versions: [] }

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

const headerName = /^[\w!#$%&'*+.^`|~-]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Whether a text is a valid header name. */
export function isHeaderName(text: string): boolean {
  return headerName.test(text)
}

/** Whether a text is a valid header value, whose bytes are written as Latin-1. */
export function isHeaderValue(text: string): boolean {
  return headerValue.test(text)
}

/** Total bytes of all names and values, in UTF-8. */
export function attributeBytes(texts: Readonly<Record<string, string>>): number {
  return Object.entries(texts).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
}

/** Content types without information, which some clients send with every object. */
const genericTypes: ReadonlySet<string | undefined> = new Set(['application/octet-stream', 'binary/octet-stream'])

/** Whether the object would lose attributes without a record. */
export function needsRecord({ headers, metadata, tags, parts }: ObjectRecord): boolean {
  const { 'content-type': type, ...others } = headers
  const counts = [Object.keys(others).length, Object.keys(metadata).length, tags.length, parts.length]
  return (type !== undefined && !genericTypes.has(type)) || counts.some((count) => count > 0)
}

/** Thrown for a file that is not a record, or whose format is newer. */
export class UnreadableRecord extends Error {}

/** The format that this version writes, and the newest that it reads. */
const format = 1

/** Serializes a record as JSON, with the key for humans who read it with pachctl. */
export function serializeRecord(key: string, record: ObjectRecord): Buffer {
  const { headers, metadata, tags, etag, checksum, parts, versions, hidden } = record
  const filled = {
    format,
    key,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(tags.length > 0 && { tags }),
    ...(etag !== undefined && { etag }),
    ...(checksum && { checksum }),
    ...(parts.length > 0 && { parts }),
    ...(versions.length > 0 && { versions }),
    ...(hidden && { hidden }),
  }
  return Buffer.from(`${JSON.stringify(filled)}\n`)
}

/**
 * Parses a record.
 *
 * @throws UnreadableRecord
 */
export function parseRecord(bytes: Uint8Array): ObjectRecord {
  const file = readJson(bytes)
  if (file.format !== format) throw new UnreadableRecord(`the format of a record is ${file.format}, not ${format}`)
  const checksum = optional(file.checksum, readChecksum)
  const hidden = optional(file.hidden, readHidden)
  const etag = optional(file.etag, (value) => matching(value, /^[0-9a-f]{32}(-[1-9]\d{0,4})?$/))
  return {
    headers: readHeaders(file.headers ?? {}),
    metadata: readMetadata(file.metadata ?? {}),
    tags: readTags(file.tags ?? []),
    ...(etag !== undefined && { etag }),
    ...(checksum && { checksum }),
    parts: readParts(file.parts ?? []),
    versions: readList(file.versions ?? [], readVersion),
    ...(hidden && { hidden }),
  }
}

type Json = Readonly<Record<string, unknown>>

function readJson(bytes: Uint8Array): Json {
  try {
    return requireObject(JSON.parse(Buffer.from(bytes).toString()))
  } catch (cause) {
    throw cause instanceof UnreadableRecord ? cause : new UnreadableRecord('a record is not JSON', { cause })
  }
}

function requireObject(value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw new UnreadableRecord('a record has a value of the wrong type')
}

function readList<Item>(value: unknown, read: (item: unknown) => Item): Item[] {
  if (Array.isArray(value)) return value.map(read)
  throw new UnreadableRecord('a record has a value of the wrong type')
}

function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | undefined {
  return value === undefined ? undefined : read(value)
}

function matching(value: unknown, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new UnreadableRecord('a record has an invalid text')
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value)
  throw new UnreadableRecord('a record has an invalid number')
}

function readHeaders(value: unknown): ObjectRecord['headers'] {
  const file = requireObject(value)
  const known = contentHeaders.filter((name) => Object.hasOwn(file, name))
  const headers = Object.fromEntries(known.map((name) => [name, matching(file[name], headerValue)]))
  return atMost(attributeLimits.headerBytes, attributeBytes(headers), headers)
}

/** Values are encoded when they are sent; names are not, so they must be valid header names. */
function readMetadata(value: unknown): ObjectRecord['metadata'] {
  const entries = Object.entries(requireObject(value)).map(
    ([name, text]) => [matching(name, headerName), matching(text, /^/)] as const,
  )
  const metadata = Object.fromEntries(entries)
  return atMost(attributeLimits.metadataBytes, attributeBytes(metadata), metadata)
}

function readTags(value: unknown): ObjectRecord['tags'] {
  const tags = readList(value, (tag) => {
    const [key, text] = readList(tag, (each) => matching(each, /^/))
    if (key === undefined || text === undefined) throw new UnreadableRecord('a record has a tag without a value')
    atMost(attributeLimits.tagKeyCharacters, key.length, key)
    return [key, atMost(attributeLimits.tagValueCharacters, text.length, text)] as const
  })
  return atMost(attributeLimits.tags, tags.length, tags)
}

function atMost<Value>(limit: number, size: number, value: Value): Value {
  if (size <= limit) return value
  throw new UnreadableRecord('a record has more entries than an object can have')
}

function readChecksum(value: unknown): RecordedChecksum {
  const { algorithm, type, value: text } = requireObject(value)
  if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')
    throw new UnreadableRecord('a record has an unknown checksum type')
  const known = parseChecksumAlgorithm(matching(algorithm, /^[0-9a-z]{1,20}$/))
  if (known === undefined) throw new UnreadableRecord('a record has a checksum of an unknown algorithm')
  return { algorithm: known, type, value: matching(text, /^[\w+/=-]{1,200}$/) }
}

/** Parts must be in ascending order. */
function readParts(value: unknown): ObjectRecord['parts'] {
  const parts = readList(value, readPart)
  if (parts.every(({ number }, index) => number > (parts[index - 1]?.number ?? 0)))
    return atMost(10_000, parts.length, parts)
  throw new UnreadableRecord('a record has parts out of order')
}

function readPart(value: unknown): RecordedPart {
  const { number, size, checksum: text } = requireObject(value)
  const checksum = optional(text, (each) => matching(each, /^[\w+/=]{1,200}$/))
  return { number: whole(number), size: whole(size), ...(checksum !== undefined && { checksum }) }
}

const commitIdPattern = /^[0-9a-f]{32}$/
const branchPattern = /^[\w-]+$/

function readHidden(value: unknown): HiddenVersion {
  const { commitId, branch, content: contentText, asOf: asOfText } = requireObject(value)
  const content = optional(contentText, (each) => matching(each, /^[0-9a-f]{64}$/))
  const asOf = optional(asOfText, (each) => matching(each, commitIdPattern))
  return {
    commitId: matching(commitId, commitIdPattern),
    branch: matching(branch, branchPattern),
    ...(content !== undefined && { content }),
    ...(asOf !== undefined && { asOf }),
  }
}

function readVersion(value: unknown): RecordedVersion {
  const { commitId, branch, time, marker } = requireObject(value)
  const date = new Date(matching(time, /^[\w:.+-]{1,40}$/))
  if (Number.isNaN(date.getTime())) throw new UnreadableRecord('a record has an invalid time')
  if (marker !== undefined && marker !== 'made' && marker !== 'removed') {
    throw new UnreadableRecord('a record has a version of an unknown kind')
  }
  return {
    commitId: matching(commitId, commitIdPattern),
    branch: matching(branch, branchPattern),
    time: date,
    ...(marker !== undefined && { marker }),
  }
}
