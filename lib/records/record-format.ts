import { parseChecksumAlgorithm } from '../checksums.js'
import { yieldTurn } from '../concurrency.js'
import { asBuffer } from '../encoding.js'
import { headerName, headerValue } from '../http/request.js'
import {
  attributeBytes,
  attributeLimits,
  contentHeaders,
  type Description,
  emptyDescription,
  type HiddenVersion,
  markerChanges,
  maxMarkerVersions,
  maxPartNumber,
  type ObjectAttributes,
  type ObjectRecord,
  type RecordedChecksum,
  type RecordedPart,
  type Version,
} from './record.js'
import { linesOf, RecordBuilder, type RecordLine } from './record-lines.js'

/** Thrown for a file that is not a record, or whose format is newer. */
export class UnreadableRecord extends Error {}

/** The format that this version writes, and the newest that it reads. */
const format = 1

/** Serializes a record as lines of JSON, with the key for humans who read it with pachctl. */
export function serializeRecord(key: string, record: ObjectRecord): Buffer {
  return Buffer.concat(linesOf(record).map((line) => serializeLine(key, line)))
}

/** Serializes a line to append to a record. */
export function serializeLine(key: string, line: RecordLine): Buffer {
  const { description, versions, announcedFor, after, announcedTags, hidden } = line
  const { headers, metadata, tags, etag, checksum, parts } = description ?? emptyDescription
  const filled = {
    format,
    ...(description && { key }),
    ...(announcedFor !== undefined && { branch: announcedFor }),
    ...(after && { after }),
    ...(announcedTags && { announcedTags }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(tags.length > 0 && { tags }),
    ...(etag !== undefined && { etag }),
    ...(checksum && { checksum }),
    ...(parts.length > 0 && { parts }),
    ...(versions.length > 0 && { versions: versions.map(fieldsOf) }),
    ...(hidden && { hidden }),
  }
  return Buffer.from(`${JSON.stringify(filled)}\n`)
}

function fieldsOf({ commitId, branch, time, isOpen, marker, tags }: Version) {
  return { commitId, branch, time, ...(isOpen && { open: true }), ...(marker && { marker }), ...(tags && { tags }) }
}

/** Parses a record. Yields to the event loop between lines. @throws UnreadableRecord */
export async function parseRecord(bytes: Uint8Array): Promise<ObjectRecord> {
  let lines = 0
  const builder = new RecordBuilder()
  for (const text of textsOf(asBuffer(bytes))) {
    await yieldTurn()
    lines += 1
    builder.add(readLine(readJson(text)))
  }
  if (lines === 0) throw new UnreadableRecord('a record is empty')
  return builder.build()
}

/** The lines that are not empty. */
function* textsOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(lineFeed, start)
    const end = found < 0 ? bytes.length : found
    if (end > start) yield bytes.subarray(start, end)
    start = end + 1
  }
}

function readLine(file: Json): RecordLine {
  // The value may be 2 MiB of text.
  if (file.format !== format) throw new UnreadableRecord(`the format of a record is not ${format}`)
  const announcedTags = optional(file.announcedTags, readTags)
  const isDescription =
    announcedTags === undefined && Object.keys(file).some((name) => name !== 'format' && name !== 'versions')
  const announcedFor = optional(file.branch, (each) => matching(each, branchPattern))
  const after = optional(file.after, readTime)
  const hidden = optional(file.hidden, readHidden)
  return {
    ...(isDescription && { description: readDescription(file) }),
    versions: readVersions(file.versions ?? []),
    ...(announcedFor !== undefined && { announcedFor }),
    ...(after && { after }),
    ...(announcedTags && { announcedTags }),
    ...(hidden && { hidden }),
  }
}

function readDescription(file: Json): Description {
  const checksum = optional(file.checksum, readChecksum)
  const etag = optional(file.etag, (value) => matching(value, /^[0-9a-f]{32}(-[1-9]\d{0,4})?$/))
  return {
    ...readAttributes(file),
    ...(etag !== undefined && { etag }),
    ...(checksum && { checksum }),
    parts: readParts(file.parts ?? []),
  }
}

/** Reads the attributes that the writer of an object has chosen. @throws UnreadableRecord */
export function readAttributes(value: unknown): ObjectAttributes {
  const { headers = {}, metadata = {}, tags = [] } = requireObject(value)
  return { headers: readHeaders(headers), metadata: readMetadata(metadata), tags: readTags(tags) }
}

type Json = Readonly<Record<string, unknown>>

const lineFeed = 0x0a

/** Maximum values of a line: 10,000 parts with checksums have 40,000. JSON.parse cannot be interrupted. */
const maxValues = 50_000
/** Comma, bracket and brace: there is a value after each of them. */
const beforeValue: ReadonlySet<number> = new Set([0x2c, 0x5b, 0x7b])

/** Parses a JSON object. @throws UnreadableRecord */
export function readJson(line: Buffer): Json {
  // A shorter line cannot have more, and counting costs as much as all other work on a record.
  if (line.length > maxValues) atMost(maxValues, countValues(line), line)
  try {
    return requireObject(JSON.parse(line.toString()))
  } catch (error) {
    if (error instanceof UnreadableRecord) throw error
    // The parser's error would quote the record.
    throw new UnreadableRecord('a record is not JSON')
  }
}

function countValues(line: Buffer): number {
  let values = 0
  for (const byte of line) if (beforeValue.has(byte)) values += 1
  return values
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

/** Requires a text that matches a pattern. @throws UnreadableRecord */
export function matching(value: unknown, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new UnreadableRecord('a record has an invalid text')
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value)
  throw new UnreadableRecord('a record has an invalid number')
}

function readHeaders(value: unknown): Description['headers'] {
  const file = requireObject(value)
  const known = contentHeaders.filter((name) => Object.hasOwn(file, name))
  const headers = Object.fromEntries(known.map((name) => [name, matching(file[name], headerValue)]))
  return atMost(attributeLimits.headerBytes, attributeBytes(headers), headers)
}

/** Values are encoded when they are sent; names are not, so they must be valid header names. */
function readMetadata(value: unknown): Description['metadata'] {
  const file = requireObject(value)
  const names = Object.keys(file)
  atMost(attributeLimits.metadataBytes, names.length, names)
  const metadata = Object.fromEntries(
    names.map((name) => [matching(name, headerName), matching(file[name], /^/)] as const),
  )
  return atMost(attributeLimits.metadataBytes, attributeBytes(metadata), metadata)
}

function readTags(value: unknown): Description['tags'] {
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
function readParts(value: unknown): Description['parts'] {
  const parts = readList(value, readPart)
  if (parts.every(({ number }, index) => number > (parts[index - 1]?.number ?? 0)))
    return atMost(maxPartNumber, parts.length, parts)
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

function readVersions(value: unknown): readonly Version[] {
  const versions = readList(value, (each) => each)
  return atMost(maxMarkerVersions, versions.length, versions).map(readVersion)
}

function readTime(value: unknown): Date {
  const time = new Date(matching(value, /^[\w:.+-]{1,40}$/))
  if (Number.isNaN(time.getTime())) throw new UnreadableRecord('a record has an invalid time')
  return time
}

function readVersion(value: unknown): Version {
  const { commitId, branch, time, open, marker, tags: given } = requireObject(value)
  const change = markerChanges.find((each) => each === marker)
  if (change !== marker) throw new UnreadableRecord('a record has a version of an unknown kind')
  const tags = optional(given, readTags)
  return {
    commitId: matching(commitId, commitIdPattern),
    branch: matching(branch, branchPattern),
    time: readTime(time),
    ...(open === true && { isOpen: true }),
    ...(change !== undefined && { marker: change }),
    ...(tags && { tags }),
  }
}
