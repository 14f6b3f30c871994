import { percentEncode } from '../encoding.js'
import { header } from '../http/request.js'
import { type S3Response, xmlResponse } from '../http/response.js'
import { plainXmlDocument } from '../http/xml.js'
import { type ObjectCall, requireWritable } from './call.js'
import { readFieldAttributes } from './object-attributes.js'
import { readFieldTags } from './object-tagging.js'
import { writeBody } from './put-object.js'
import { encryptionHeaders, refuseUnsupportedFields } from './unsupported-headers.js'
import type { Written } from './write.js'

/**
 * PostObject: a browser form uploads an object and chooses the form of the response.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
 */
export async function postObject(call: ObjectCall, fields: ReadonlyMap<string, string>): Promise<S3Response> {
  requireWritable(call.bucket)
  refuseUnsupportedFields(call, fields)
  const attributes = readFieldAttributes(fields, await readFieldTags(call, fields))
  const written = await writeBody(call, { path: call.gateway.keys.pathFromKey(call.key) }, attributes)
  const headers = {
    etag: written.etag,
    'x-amz-version-id': written.commitId,
    ...Object.fromEntries(call.body.checksums()),
    ...encryptionHeaders(fields.get('x-amz-server-side-encryption')),
  }
  const redirect = redirectUrl(call, fields, written)
  if (redirect !== undefined) return { status: 303, headers: { ...headers, location: redirect } }
  const location = urlOfPostedObject(call)
  const status = successStatus(fields.get('success_action_status'))
  if (status !== 201) return { status, headers: { ...headers, location } }
  const document = plainXmlDocument('PostResponse', {
    Location: location,
    Bucket: call.bucket.name,
    Key: call.key,
    ETag: written.etag,
  })
  return { ...xmlResponse(document, { ...headers, location }), status }
}

/** S3 treats any other value as 204. */
function successStatus(text: string | undefined): number {
  return text === '200' || text === '201' ? Number(text) : 204
}

/** The URL to redirect to, if the form has a valid one, with the written object in its query. */
function redirectUrl(
  { bucket, key }: ObjectCall,
  fields: ReadonlyMap<string, string>,
  written: Written,
): string | undefined {
  const text = fields.get('success_action_redirect') ?? fields.get('redirect')
  if (text === undefined || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  url.searchParams.set('bucket', bucket.name)
  url.searchParams.set('key', key)
  url.searchParams.set('etag', written.etag)
  return url.href
}

/** The URL of the object that a request addresses, in the client's addressing style. */
export function urlOfObject(call: ObjectCall): string {
  return `${originOf(call)}${call.request.rawPath}`
}

/** The URL of an object whose key was a field of the form. */
function urlOfPostedObject(call: ObjectCall): string {
  const path = call.request.rawPath.replace(/\/$/, '')
  return `${originOf(call)}${path}/${percentEncode(call.key).replaceAll('%2F', '/')}`
}

/** Scheme and host; '' for HTTP/1.0 without a Host header, so that URLs are relative. */
function originOf({ request }: ObjectCall): string {
  const host = header(request, 'host') ?? header(request, ':authority')
  return host === undefined ? '' : `${request.scheme}://${host}`
}
