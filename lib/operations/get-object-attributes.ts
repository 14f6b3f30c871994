import { checksumElement, checksumValue } from '../checksums.js'
import { invalidArgument, S3Error } from '../errors.js'
import { readCondition } from '../http/preconditions.js'
import { type HttpRequest, header } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { xmlResponse } from '../http/response.js'
import { type XmlContent, xmlDocument } from '../http/xml.js'
import type { Description } from '../records/record.js'
import type { StoredObject } from '../resolver/object.js'
import { type ObjectCall, resolveNamedObject } from './call.js'

/** The attributes by name. S3 ignores unknown names. */
const attributes: Readonly<Record<string, (object: StoredObject, request: HttpRequest) => XmlContent>> = {
  ETag: ({ etag }) => etag.replaceAll('"', ''),
  // S3 writes a composite checksum without the number of parts here, unlike in headers.
  Checksum: ({ description: { checksum } }) => checksum && checksumValue(checksum, checksum.value.replace(/-\d+$/, '')),
  ObjectParts: ({ description }, request) =>
    description.parts.length === 0 ? undefined : partsPage(description, request),
  StorageClass: () => 'STANDARD',
  ObjectSize: ({ size }) => size,
}

/**
 * GetObjectAttributes: the attributes that the client names in a header.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
 */
export async function getObjectAttributes(call: ObjectCall): Promise<S3Response> {
  const { request } = call
  const asked = parseAttributes(request)
  const object = await resolveNamedObject(call)
  const headers = { 'last-modified': object.lastModified.toUTCString(), 'x-amz-version-id': object.versionId }
  if (readCondition(request, object) === 'not-modified') {
    return { status: 304, headers: { ...headers, etag: object.etag } }
  }
  const entries = Object.entries(attributes).filter(([attribute]) => asked.has(attribute))
  const content = Object.fromEntries(entries.map(([attribute, contentOf]) => [attribute, contentOf(object, request)]))
  return xmlResponse(xmlDocument('GetObjectAttributesResponse', content), headers)
}

/** A page of the parts. S3 lists parts only if they have checksums. */
function partsPage({ parts, checksum }: Description, request: HttpRequest): XmlContent {
  if (checksum === undefined || parts.some((part) => part.checksum === undefined)) return { PartsCount: parts.length }
  const most = countFrom(request, 'x-amz-max-parts', 1000)
  const marker = countFrom(request, 'x-amz-part-number-marker', 0)
  const behind = parts.filter(({ number }) => number > marker)
  const page = behind.slice(0, Math.min(most, 1000))
  return {
    PartsCount: parts.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: most,
    IsTruncated: page.length < behind.length,
    Part: page.map((part) => ({
      PartNumber: part.number,
      Size: part.size,
      [checksumElement(checksum.algorithm)]: part.checksum,
    })),
  }
}

function countFrom(request: HttpRequest, name: string, fallback: number): number {
  const text = header(request, name)
  if (text === undefined) return fallback
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw invalidArgument(name, { value: text, message: `Provided ${name} not an integer or within integer range` })
}

function parseAttributes(request: HttpRequest): ReadonlySet<string> {
  const text = header(request, 'x-amz-object-attributes') ?? ''
  if (text.trim() === '') {
    throw new S3Error('InvalidRequest', {
      message:
        'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty',
    })
  }
  const names = text.split(',').map((name) => name.trim())
  if (names.every((name) => Object.hasOwn(attributes, name))) return new Set(names)
  throw invalidArgument('x-amz-object-attributes', {
    value: names.join(', '),
    message: 'Invalid attribute name specified.',
  })
}
