import { lookup } from 'mrmime'
import { invalidArgument, S3Error } from '../errors.js'
import { type HttpRequest, isHeaderName, isHeaderValue } from '../http/request.js'
import type { Headers } from '../http/response.js'
import {
  attributeBytes,
  attributeLimits,
  type ContentHeader,
  contentHeaders,
  type ObjectAttributes,
} from '../records/record.js'
import { parseTagQuery } from './tags.js'

/** S3's default content type. */
export const defaultContentType = 'binary/octet-stream'

/** The default content type of a key: that of its extension, or else S3's default. */
export function contentTypeOf(key: string): string {
  const type: unknown = lookup(key)
  // For a key such as `constructor`, the look-up returns a property of Object.prototype.
  return typeof type === 'string' ? type : defaultContentType
}

const metadataPrefix = 'x-amz-meta-'
/** The content header that S3 checks, and does not copy. */
export const redirectHeader = 'x-amz-website-redirect-location'

/**
 * Parses the content headers, the user metadata and the tags of a write.
 *
 * @throws S3Error MetadataTooLarge, InvalidArgument, InvalidRedirectLocation, InvalidTag
 */
export function readAttributes(request: Pick<HttpRequest, 'headers'>): ObjectAttributes {
  return attributesFrom(
    [...request.headers].map(([name, values]) => {
      const value = values.join(',')
      return { name, value, text: textOfHeader(value) }
    }),
  )
}

/** The attributes in the fields of a form, which are the headers in UTF-8, except that tags are XML. */
export function readFieldAttributes(
  fields: ReadonlyMap<string, string>,
  tags: ObjectAttributes['tags'],
): ObjectAttributes {
  const given = [...fields].map(([name, text]) => {
    return { name: name.toLowerCase(), value: Buffer.from(text).toString('latin1'), text }
  })
  return { ...attributesFrom(given), tags }
}

interface GivenAttribute {
  readonly name: string
  /** The bytes of the header, as Latin-1. */
  readonly value: string
  /** The decoded text of those bytes. */
  readonly text: string
}

function attributesFrom(given: readonly GivenAttribute[]): ObjectAttributes {
  const headers: Partial<Record<ContentHeader, string>> = {}
  const metadata: [string, string][] = []
  let tags: ObjectAttributes['tags'] = []
  for (const { name, value, text } of given) {
    if (name.startsWith(metadataPrefix)) metadata.push([metadataName(name), decodeWords(text)])
    else if (name === 'x-amz-tagging') tags = parseTagQuery(value)
    else if (isContentHeader(name)) {
      const kept = name === 'content-encoding' ? withoutFraming(value) : value
      if (!isHeaderValue(kept)) throw invalidArgument(name, { message: 'The value must be a valid header value.' })
      if (name === redirectHeader && !/^($|\/|https?:\/\/)/.test(kept)) throw new S3Error('InvalidRedirectLocation')
      if (kept !== '') headers[name] = kept
    }
  }
  // fromEntries makes a name such as `__proto__` an ordinary property.
  const attributes = { headers, metadata: Object.fromEntries(metadata), tags }
  requireSize(attributeBytes(attributes.metadata), attributeLimits.metadataBytes)
  requireSize(attributeBytes(headers), attributeLimits.headerBytes)
  return attributes
}

/** Form fields may have names that are not valid header names. */
function metadataName(name: string): string {
  const own = name.slice(metadataPrefix.length)
  if (!isHeaderName(own)) throw invalidArgument(name, { message: 'The name of metadata must be a valid header name.' })
  return own
}

function isContentHeader(name: string): name is ContentHeader {
  return (contentHeaders as readonly string[]).includes(name)
}

/** Removes `aws-chunked`, which encodes the transfer and not the content; keeps the rest as the client wrote it. */
function withoutFraming(value: string): string {
  const all = value.split(',')
  const kept = all.filter((each) => each.trim().toLowerCase() !== 'aws-chunked')
  return kept.length === all.length ? value : kept.join(',').trim()
}

function requireSize(size: number, limit: number): void {
  if (size <= limit) return
  throw new S3Error('MetadataTooLarge', { fields: { Size: String(size), MaxSizeAllowed: String(limit) } })
}

const encodedWord = /=\?utf-8\?([bq])\?([^?]*)\?=/gi

/** The text of a header: clients send UTF-8, and Node decodes it as Latin-1. */
function textOfHeader(value: string): string {
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}

/** Decodes the encoded words of RFC 2047, as S3 does. */
function decodeWords(text: string): string {
  return text.replace(encodedWord, (_, encoding: string, encoded: string) => {
    if (encoding.toLowerCase() === 'b') return Buffer.from(encoded, 'base64').toString()
    const unquoted = encoded
      .replaceAll('_', ' ')
      .replace(/=([0-9a-f]{2})/gi, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    return Buffer.from(unquoted, 'latin1').toString()
  })
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.compare(Buffer.from(bytes.toString()), bytes) === 0
}

/** Encodes text other than printable ASCII as an encoded word of RFC 2047, as S3 does. */
function encodeMetadata(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`
}

/** The response headers for the attributes of an object. */
export function attributeHeaders({ headers, metadata, tags }: ObjectAttributes): Headers {
  return {
    ...headers,
    ...Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [`${metadataPrefix}${name}`, encodeMetadata(value)]),
    ),
    ...(tags.length > 0 && { 'x-amz-tagging-count': String(tags.length) }),
  }
}
