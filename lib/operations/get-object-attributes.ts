import { invalidArgument } from '../errors.js'
import { readCondition } from '../http/preconditions.js'
import { type HttpRequest, header } from '../http/request.js'
import { xmlResponse } from '../http/response.js'
import { type XmlContent, xmlDocument } from '../http/xml-writer.js'
import type { StoredObject } from '../resolver/object.js'
import type { ObjectCall, Operation } from './call.js'
import { resolveNamedObject } from './named-object.js'

/** The attributes by name; PFS keeps neither checksums nor the borders of parts, and S3 leaves out what it has not. */
const attributes: Readonly<Record<string, (object: StoredObject) => XmlContent>> = {
  ETag: ({ etag }) => etag.replaceAll('"', ''),
  Checksum: () => undefined,
  ObjectParts: () => undefined,
  StorageClass: () => 'STANDARD',
  ObjectSize: ({ size }) => size,
}

/** GetObjectAttributes: those of an object that the client names in a header. */
export const getObjectAttributes: Operation<ObjectCall> = async (call) => {
  const { request } = call
  const asked = parseAttributes(request)
  const object = await resolveNamedObject(call)
  const headers = { 'last-modified': object.lastModified.toUTCString(), 'x-amz-version-id': object.versionId }
  if (readCondition(request, object) === 'not-modified') {
    return { status: 304, headers: { ...headers, etag: object.etag } }
  }
  const entries = Object.entries(attributes).filter(([attribute]) => asked.has(attribute))
  const content = Object.fromEntries(entries.map(([attribute, contentOf]) => [attribute, contentOf(object)]))
  return xmlResponse(xmlDocument('GetObjectAttributesResponse', content), headers)
}

function parseAttributes(request: HttpRequest): ReadonlySet<string> {
  const names = (header(request, 'x-amz-object-attributes') ?? '').split(',').map((name) => name.trim())
  if (names.every((name) => Object.hasOwn(attributes, name))) return new Set(names)
  throw invalidArgument('x-amz-object-attributes', {
    value: names.join(', '),
    message: 'Invalid attribute name specified.',
  })
}
