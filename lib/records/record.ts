import { parseChecksumAlgorithm } from '../checksums.js'

/** Headers that describe an object's content and that S3 returns as they were sent, in lower case. */
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

/** A checksum as S3 writes it: base64, of a composite one with the number of parts behind it. */
export interface RecordedChecksum {
  /** In lower case, such as `crc32c`. */
  readonly algorithm: string
  readonly type: 'FULL_OBJECT' | 'COMPOSITE'
  readonly value: string
}

/** A part of a multipart upload, in the order of the object's bytes. */
export interface RecordedPart {
  readonly number: number
  readonly size: number
  /** In base64; absent if the upload kept none. */
  readonly checksum?: string
}

/** A commit in which the content was written to the key. */
export interface RecordedVersion {
  readonly commitId: string
  readonly branch: string
  /** When PFS made the commit. */
  readonly time: Date
}

/** A version of a key that is no longer shown, though PFS keeps it: it was deleted, or it brought an earlier one back. */
export interface HiddenVersion {
  readonly commitId: string
  readonly branch: string
  /** PFS's hash of its content in hex; absent for a delete marker. */
  readonly content?: string
  /** If a gateway made it to bring back the version before a deleted one: the commit as of which the key is. */
  readonly asOf?: string
}

/** What S3 keeps with an object and PFS has no place for. It belongs to one key and one content. */
export interface ObjectRecord {
  readonly headers: Readonly<Partial<Record<ContentHeader, string>>>
  /** User metadata by name, without `x-amz-meta-`, in lower case. */
  readonly metadata: Readonly<Record<string, string>>
  /** Tags in the order in which they were set. */
  readonly tags: readonly (readonly [key: string, value: string])[]
  /** Without quotes: the MD5 of the content, or `md5-of-md5s-N`; absent if nobody computed it. */
  readonly etag?: string
  readonly checksum?: RecordedChecksum
  readonly parts: readonly RecordedPart[]
  /** Oldest first. */
  readonly versions: readonly RecordedVersion[]
  /** Of a record that only says that one version of the key is hidden. */
  readonly hidden?: HiddenVersion
}

/** The record of an object of which nothing is known. */
export const emptyRecord: ObjectRecord = { headers: {}, metadata: {}, tags: [], parts: [], versions: [] }

/** What an object may have, so that any client can read its headers: some take no more than 16 KiB of them. */
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

/** Whether text can be the name of a header. */
export function isHeaderName(text: string): boolean {
  return headerName.test(text)
}

/** Whether text can be the value of a header, whose bytes are written as Latin-1. */
export function isHeaderValue(text: string): boolean {
  return headerValue.test(text)
}

/** The bytes of names and values together, in UTF-8. */
export function attributeBytes(texts: Readonly<Record<string, string>>): number {
  return Object.entries(texts).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
}

/** Content types that say nothing, with which some clients send every object. */
const genericTypes: ReadonlySet<string | undefined> = new Set(['application/octet-stream', 'binary/octet-stream'])

/** Whether an object without a record would be served with something missing. */
export function needsRecord({ headers, metadata, tags, parts }: ObjectRecord): boolean {
  const { 'content-type': type, ...others } = headers
  const counts = [Object.keys(others).length, Object.keys(metadata).length, tags.length, parts.length]
  return (type !== undefined && !genericTypes.has(type)) || counts.some((count) => count > 0)
}

/** Thrown for a file that is no record, or one of a later format. */
export class UnreadableRecord extends Error {}

/** The format that this version writes, and the latest that it reads. */
const format = 1

/** A record as it lies in PFS: JSON, with the key for people who read it with pachctl. */
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
 * Reads a record.
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
  throw new UnreadableRecord('a record has a value of another type than it should')
}

function readList<Item>(value: unknown, read: (item: unknown) => Item): Item[] {
  if (Array.isArray(value)) return value.map(read)
  throw new UnreadableRecord('a record has a value of another type than it should')
}

function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | undefined {
  return value === undefined ? undefined : read(value)
}

function matching(value: unknown, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new UnreadableRecord('a record has a text that it should not have')
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value)
  throw new UnreadableRecord('a record has a number that it should not have')
}

function readHeaders(value: unknown): ObjectRecord['headers'] {
  const file = requireObject(value)
  const known = contentHeaders.filter((name) => Object.hasOwn(file, name))
  const headers = Object.fromEntries(known.map((name) => [name, matching(file[name], headerValue)]))
  return atMost(attributeLimits.headerBytes, attributeBytes(headers), headers)
}

/** The text goes out encoded, whatever it is; the names do not. */
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
  throw new UnreadableRecord('a record has more of something than an object can have')
}

function readChecksum(value: unknown): RecordedChecksum {
  const { algorithm, type, value: text } = requireObject(value)
  if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')
    throw new UnreadableRecord('a record has an unknown checksum type')
  const known = parseChecksumAlgorithm(matching(algorithm, /^[0-9a-z]{1,20}$/))
  if (known === undefined) throw new UnreadableRecord('a record has a checksum of an unknown algorithm')
  return { algorithm: known, type, value: matching(text, /^[\w+/=-]{1,200}$/) }
}

/** In ascending order, as an upload has them. */
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
  const { commitId, branch, time } = requireObject(value)
  const date = new Date(matching(time, /^[\w:.+-]{1,40}$/))
  if (Number.isNaN(date.getTime())) throw new UnreadableRecord('a record has a time that is no time')
  return { commitId: matching(commitId, commitIdPattern), branch: matching(branch, branchPattern), time: date }
}
