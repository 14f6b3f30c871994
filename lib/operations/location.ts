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
function originOf({ gateway, request }: ObjectCall): string {
  const forwarded = (name: string) => (gateway.trustForwardedHost ? header(request, name) : undefined)
  const host = forwarded('x-forwarded-host') ?? header(request, 'host') ?? header(request, ':authority')
  const proto = forwarded('x-forwarded-proto')
  const scheme = proto === 'http' || proto === 'https' ? proto : request.scheme
  return host === undefined ? '' : `${scheme}://${host}`
}
