import { invalidArgument, S3Error } from '../errors.js'
import { parseHttpDate } from '../http/date.js'
import { matchesEtag, readCondition } from '../http/preconditions.js'
import { type ByteRange, contentRange, cutTo, parseRange } from '../http/range.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import type { Headers, S3Response } from '../http/response.js'
import { requireHash } from '../pfs/file-hash.js'
import { readForSlowReader } from '../pfs/stalled-read.js'
import type { Description } from '../records/record.js'
import { type StoredObject, withComputedEtag } from '../resolver/object.js'
import { isSigned } from '../signature/authenticate.js'
import { type ObjectCall, resolveNamedObject } from './call.js'
import { attributeHeaders, contentTypeOf, defaultContentType } from './object-attributes.js'
import { parsePartNumber, rangeOfPart } from './part-number.js'

/**
 * GetObject: headers and content come from the same commit.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export async function getObject(call: ObjectCall): Promise<S3Response> {
  const { response, object, range } = await readHead(call)
  if (response.status === 304) return response
  if (object.size === 0) {
    await requireHash(new Uint8Array(), object.info)
    return response
  }
  if (isEmpty(range)) return response
  if (object.size <= smallBytes) {
    const content = await smallContent(call, object)
    return { ...response, body: content.subarray(range.start, range.end + 1) }
  }
  const bytes = readForSlowReader(call.gateway.pfs, object.info.file, { offset: range.start }, call.options)
  return { ...response, body: cutTo(range, bytes, object.size) }
}

/** Objects of at most this many bytes are read into memory and may be cached; larger ones are streamed. */
const smallBytes = 1024 * 1024

/** The content of a small object that PFS has just returned to the caller. */
async function smallContent({ gateway, options }: ObjectCall, { info, size }: StoredObject): Promise<Uint8Array> {
  const known = gateway.contentCache.get(info.hash, options.authToken)
  return known?.length === size ? known : gateway.smallFiles.read(info, options)
}

/**
 * HeadObject: the response of GetObject without the body.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 */
export async function headObject(call: ObjectCall): Promise<S3Response> {
  return (await readHead(call)).response
}

interface ObjectHead {
  readonly response: S3Response
  readonly object: StoredObject
  readonly range: ByteRange
}

async function readHead(call: ObjectCall): Promise<ObjectHead> {
  const { gateway, request, key, options } = call
  const partNumber = parsePartNumber(request)
  const overridden = overrides(request)
  const found = await resolveNamedObject(call)
  const conditions = [header(request, 'if-match'), header(request, 'if-range')]
  const object = await withComputedEtag(gateway.pfs, found, conditions, options)
  const whole: ByteRange = { start: 0, end: object.size - 1 }
  const validators = {
    etag: object.etag,
    'last-modified': object.lastModified.toUTCString(),
    'x-amz-version-id': object.versionId,
  }
  if (readCondition(request, object) === 'not-modified') {
    return { response: { status: 304, headers: validators }, object, range: whole }
  }
  const range = partNumber === undefined ? requestedRange(request, object) : rangeOfPart(partNumber, object)
  const sent = range ?? whole
  // A Content-Range cannot say that no bytes are sent.
  const isPartial = range !== undefined && !isEmpty(range)
  const isWhole = sent.start === 0 && sent.end === whole.end
  const described: Headers = {
    'content-type': call.gateway.records.mode === 'off' ? defaultContentType : contentTypeOf(key),
    ...attributeHeaders(object.description),
    ...overridden,
  }
  const headers: Headers = {
    ...validators,
    'accept-ranges': 'bytes',
    'content-length': String(sent.end - sent.start + 1),
    ...(partNumber !== undefined && partHeaders(object)),
    ...(isPartial && { 'content-range': contentRange(range, object.size) }),
    ...described,
    ...checksumHeaders(request, object.description, { isWhole, partNumber }),
    ...sandboxHeaders(described['content-type'] ?? ''),
  }
  return { response: { status: isPartial ? 206 : 200, headers }, object, range: sent }
}

function isEmpty({ start, end }: ByteRange): boolean {
  return end < start
}

/** S3 counts the parts only of an object that was uploaded in parts. */
function partHeaders({ description: { parts } }: StoredObject): Headers {
  return parts.length === 0 ? {} : { 'x-amz-mp-parts-count': String(parts.length) }
}

/** The recorded checksum of the bytes that are sent, if the client asks for it. */
function checksumHeaders(
  request: HttpRequest,
  { checksum, parts }: Description,
  { isWhole, partNumber }: { isWhole: boolean; partNumber: number | undefined },
): Headers {
  if (checksum === undefined || header(request, 'x-amz-checksum-mode')?.toUpperCase() !== 'ENABLED') return {}
  const { algorithm, type } = checksum
  const part = partNumber === undefined ? undefined : parts[partNumber - 1]
  const value = part?.checksum ?? (isWhole ? checksum.value : undefined)
  return value === undefined ? {} : { [`x-amz-checksum-${algorithm}`]: value, 'x-amz-checksum-type': type }
}

/** `If-Range` applies a range only if the client has a part of the current object. */
function requestedRange(request: HttpRequest, object: StoredObject): ByteRange | undefined {
  const ifRange = header(request, 'if-range')
  if (ifRange !== undefined && !matchesEtag(ifRange, object.etags)) {
    const date = parseHttpDate(ifRange)
    if (date === undefined || date.getTime() < Math.floor(object.lastModified.getTime() / 1000) * 1000) return undefined
  }
  return parseRange(header(request, 'range'), object.size)
}

const overridable = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
]

/**
 * The `response-*` parameters. Throws if the request is not signed: anybody could write a link that makes a public object
 * another type. Throws if a value contains a line break or is not Latin-1.
 */
function overrides(request: HttpRequest): Headers {
  const headers: Record<string, string> = {}
  if (!isSigned(request) && overridable.some((name) => request.query.has(`response-${name}`))) {
    const message = 'Request specific response headers cannot be used for anonymous GET requests.'
    throw new S3Error('InvalidRequest', { message })
  }
  for (const name of overridable) {
    const value = queryValue(request, `response-${name}`)
    if (value === undefined) continue
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw invalidArgument(`response-${name}`, {
        value,
        message: 'Header value cannot be represented using ISO-8859-1.',
      })
    }
    headers[name] = value
  }
  return headers
}

/**
 * Types that a browser displays without running code from them. Others contain scripts, or may: HTML, SVG, XML with its
 * style sheets, PDF, multipart, and future types.
 */
const harmless =
  /^(?!.*\+xml$)(image\/(?!svg)[\w.+-]+|(audio|video|font)\/[\w.+-]+|text\/(plain|csv)|binary\/octet-stream|application\/(octet-stream|json|zip|gzip|x-(tar|gzip|bzip2|xz|ndjson|parquet)|vnd\.apache\.parquet))$/

/**
 * Headers that keep a stored object from acting as a page of the gateway's origin, which all buckets share: they give its
 * scripts an opaque origin. Empty for a harmless type.
 */
function sandboxHeaders(contentType: string): Headers {
  // Browsers use the last type of a comma-separated list.
  const [type = '', ...parameters] = contentType.split(';')
  const isHarmless = harmless.test(type.trim().toLowerCase()) && !parameters.join(';').includes(',')
  return isHarmless ? {} : { 'content-security-policy': 'sandbox allow-scripts allow-popups allow-downloads' }
}
