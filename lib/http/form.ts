import { invalidArgument, S3Error } from '../errors.js'
import type { ByteAccount } from './byte-budget.js'
import { ByteCollector, type ByteReader, createByteReader } from './byte-reader.js'

/** The form of a browser upload. @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
export interface PostForm {
  /** The fields before the file by lower-case name, with `${filename}` in the key replaced. */
  readonly fields: ReadonlyMap<string, string>
  /** The file name from the browser, without folders; undefined if it sent none. */
  readonly fileName?: string | undefined
  /** The content, to be read once; throws MalformedPOSTRequest if the form is cut off. */
  readonly file: AsyncIterable<Uint8Array>
}

/** Maximum length of everything before the file, and of everything after it: 20 KiB, as on S3. */
const maxAround = 20 * 1024

/**
 * Reads a multipart/form-data body up to its file. Fields after the file are ignored, as on S3. `memory` counts the
 * fields.
 *
 * @throws S3Error MalformedPOSTRequest, MaxPostPreDataLengthExceeded, SlowDown, and InvalidArgument for a repeated field
 *   or no file
 */
export async function readForm(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  memory: ByteAccount,
): Promise<PostForm> {
  const boundary = `--${parseBoundary(contentType ?? '')}`
  const reader = createByteReader(body)
  try {
    return await readToFile(reader, boundary, memory)
  } catch (error) {
    await reader.close()
    throw error
  }
}

async function readToFile(reader: ByteReader, boundary: string, memory: ByteAccount): Promise<PostForm> {
  const delimiter = Buffer.from(`\r\n${boundary}`, 'latin1')
  const fields = new Map<string, string>()
  let left = maxAround
  const count = (bytes: number): void => {
    memory.hold(bytes)
    left -= bytes
  }
  let line = await reader.line(delimiter.length)
  if (line?.toString('latin1') !== `${boundary}\r\n`) throw malformed()
  for (;;) {
    const head = await readPartHead(reader, left)
    count(head.length)
    if (head.name === 'file') {
      fillInFileName(fields, head.fileName ?? '')
      return { fields, fileName: head.fileName, file: readFile(reader, delimiter) }
    }
    if (fields.has(head.name)) {
      throw invalidArgument(head.name, { message: `POST requires exactly one field named '${head.name}'.` })
    }
    const value = await readField(reader, delimiter, left)
    count(value.length + delimiter.length)
    fields.set(head.name, value.toString('utf8'))
    line = await reader.line(4)
    if (line?.toString('latin1') === '\r\n') continue
    if (line === undefined || line.toString('latin1') === '--\r\n') {
      throw invalidArgument('file', { message: 'POST requires exactly one file upload per request.' })
    }
    throw malformed()
  }
}

function fillInFileName(fields: Map<string, string>, fileName: string): void {
  const parts = fields.get('key')?.split(/\$\{filename\}/)
  if (parts === undefined) return
  const length = parts.reduce((sum, part) => sum + part.length, (parts.length - 1) * fileName.length)
  // A long file name for many placeholders would expand to megabytes.
  if (length > maxAround) throw new S3Error('KeyTooLongError')
  fields.set('key', parts.join(fileName))
}

function parseBoundary(contentType: string): string {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined || boundary.length > 70) throw malformed()
  return boundary
}

interface PartHead {
  readonly name: string
  readonly fileName?: string | undefined
  /** Bytes. */
  readonly length: number
}

async function readPartHead(reader: ByteReader, limit: number): Promise<PartHead> {
  let length = 0
  let disposition: string | undefined
  for (;;) {
    const line = await readHeadLine(reader, limit - length)
    length += line.length
    const text = line.toString('utf8').trimEnd()
    if (text === '') break
    if (/^content-disposition:/i.test(text)) disposition = text
  }
  const parameters = parseParameters(disposition ?? '')
  const name = parameters.get('name')?.toLowerCase()
  if (name === undefined || name === '') throw malformed()
  return { name, fileName: baseName(parameters.get('filename')), length }
}

async function readHeadLine(reader: ByteReader, limit: number): Promise<Buffer> {
  const line = await reader.line(limit)
  if (line !== undefined) return line
  // The reader returns undefined both for a line that is too long and at the end of the body.
  throw (await reader.some(1)) === undefined ? malformed() : tooLarge()
}

/** The parameters of a Content-Disposition by lower-case name; the first one of a name counts. */
function parseParameters(disposition: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const [, name = '', quoted, plain = ''] of disposition.matchAll(
    /;\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g,
  )) {
    const lower = name.toLowerCase()
    if (!parameters.has(lower)) parameters.set(lower, quoted?.replace(/\\(["\\])/g, '$1') ?? plain)
  }
  return parameters
}

function baseName(path: string | undefined): string | undefined {
  return path?.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

async function readField(reader: ByteReader, delimiter: Buffer, limit: number): Promise<Buffer> {
  const field = new ByteCollector()
  for await (const piece of contentBefore(reader, delimiter)) {
    if (field.length + piece.length > limit) throw tooLarge()
    field.append(piece)
  }
  return field.bytes()
}

async function* readFile(reader: ByteReader, delimiter: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* contentBefore(reader, delimiter)
    const rest = await reader.rest(maxAround)
    const after = rest?.toString('latin1') ?? ''
    // Either this was the last part, or the final delimiter comes later.
    if (!after.startsWith('--') && !(after.startsWith('\r\n') && after.includes(`${delimiter.toString('latin1')}--`))) {
      throw malformed()
    }
  } finally {
    await reader.close()
  }
}

async function* contentBefore(reader: ByteReader, delimiter: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const piece = await reader.before(delimiter)
    if (piece === undefined) throw malformed()
    if (piece.length === 0) return
    yield piece
  }
}

function malformed(): S3Error {
  return new S3Error('MalformedPOSTRequest')
}

function tooLarge(): S3Error {
  return new S3Error('MaxPostPreDataLengthExceeded')
}
