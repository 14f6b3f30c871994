import type { Headers } from './response.js'

/**
 * Types that a browser shows without running anything in them. Others run script, or may come to: HTML, SVG, XML with its
 * style sheets, PDF, multipart, and types that are not known yet.
 */
const harmless =
  /^(image\/(?!svg)[\w.+-]+|(audio|video|font)\/[\w.+-]+|text\/(plain|csv)|binary\/octet-stream|application\/(octet-stream|json|zip|gzip|x-(tar|gzip|bzip2|xz|ndjson|parquet)|vnd\.apache\.parquet))$/

/**
 * The headers that keep a stored object from acting as a page of the gateway's origin, which all buckets share: its
 * scripts run in an origin of their own. None for a harmless type.
 */
export function sandboxHeaders(contentType: string): Headers {
  // Browsers take the last type of a list that is separated by commas.
  const [type = '', ...parameters] = contentType.split(';')
  const isHarmless = harmless.test(type.trim().toLowerCase()) && !parameters.join(';').includes(',')
  return isHarmless ? {} : { 'content-security-policy': 'sandbox allow-scripts allow-popups allow-downloads' }
}
