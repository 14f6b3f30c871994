import type { Headers } from './response.js'

/** Types in which a browser runs script; XML too, for the pages and style sheets that may be in it. */
const active = /html|xml/i

/**
 * The headers that keep what somebody stored from acting as a page of the gateway's origin, which all buckets share:
 * its scripts run in an origin of their own. None for a type that cannot act.
 */
export function sandboxHeaders(contentType: string): Headers {
  return active.test(contentType)
    ? { 'content-security-policy': 'sandbox allow-scripts allow-popups allow-downloads' }
    : {}
}
