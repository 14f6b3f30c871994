import { header } from '../http/request.js'
import { percentEncode } from '../percent-encoding.js'
import type { ObjectCall } from './call.js'

/** The URL of the object that a request addresses, in the way in which the client addressed it. */
export function urlOfObject(call: ObjectCall): string {
  return `${originOf(call)}${call.request.rawPath}`
}

/** The URL of an object whose key came in the form that was sent to its bucket. */
export function urlOfPostedObject(call: ObjectCall): string {
  const path = call.request.rawPath.replace(/\/$/, '')
  return `${originOf(call)}${path}/${percentEncode(call.key).replaceAll('%2F', '/')}`
}

/** Scheme and host; '' for HTTP/1.0 without a Host header, which leaves the path. */
function originOf({ request }: ObjectCall): string {
  const host = header(request, 'host') ?? header(request, ':authority')
  return host === undefined ? '' : `${request.scheme}://${host}`
}
