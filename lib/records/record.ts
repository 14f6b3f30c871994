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
}

/** The record of an object of which nothing is known. */
export const emptyRecord: ObjectRecord = { headers: {}, metadata: {}, tags: [], parts: [], versions: [] }

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
  const { headers, metadata, tags, etag, checksum, parts, versions } = record
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
  const etag = optional(file.etag, (value) => matching(value, /^[0-9a-f]{32}(-[1-9]\d{0,4})?$/))
  return {
    headers: readHeaders(file.headers ?? {}),
    metadata: readStrings(file.metadata ?? {}),
    tags: readList(file.tags ?? [], readTag),
    ...(etag !== undefined && { etag }),
    ...(checksum && { checksum }),
    parts: readList(file.parts ?? [], readPart),
    versions: readList(file.versions ?? [], readVersion),
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

/** Record text reaches HTTP headers, so it must not end one. */
function matching(value: unknown, pattern = /^[^\x00-\x1f\x7f]*$/): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new UnreadableRecord('a record has a text that it should not have')
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value)
  throw new UnreadableRecord('a record has a number that it should not have')
}

function readHeaders(value: unknown): ObjectRecord['headers'] {
  const file = requireObject(value)
  const entries = contentHeaders.flatMap((name) => (name in file ? [[name, matching(file[name])] as const] : []))
  return Object.fromEntries(entries)
}

function readStrings(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(requireObject(value)).map(([name, text]) => [matching(name), matching(text)]),
  )
}

function readTag(value: unknown): readonly [string, string] {
  const [key, text] = readList(value, (each) => each)
  return [matching(key, /^/), matching(text, /^/)]
}

function readChecksum(value: unknown): RecordedChecksum {
  const { algorithm, type, value: text } = requireObject(value)
  if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')
    throw new UnreadableRecord('a record has an unknown checksum type')
  return { algorithm: matching(algorithm, /^[0-9a-z]+$/), type, value: matching(text, /^[\w+/=-]+$/) }
}

function readPart(value: unknown): RecordedPart {
  const { number, size, checksum: text } = requireObject(value)
  const checksum = optional(text, (each) => matching(each, /^[\w+/=]+$/))
  return { number: whole(number), size: whole(size), ...(checksum !== undefined && { checksum }) }
}

function readVersion(value: unknown): RecordedVersion {
  const { commitId, branch, time } = requireObject(value)
  const date = new Date(matching(time))
  if (Number.isNaN(date.getTime())) throw new UnreadableRecord('a record has a time that is no time')
  return { commitId: matching(commitId, /^[0-9a-f]{32}$/), branch: matching(branch, /^[\w-]+$/), time: date }
}
