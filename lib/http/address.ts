import { S3Error } from '../errors.js'
import { type HttpRequest, header, percentDecode } from './request.js'

/** The resource that a request addresses. */
export type Address =
  | { readonly kind: 'service' }
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'object'; readonly bucket: string; readonly key: string }

/** How to find the bucket and key of a request. */
export interface AddressOptions {
  /** The raw path that the handler is mounted at, without a trailing slash; '' at the root. */
  readonly mountPath: string
  /** Hosts whose subdomains are buckets (virtual-hosted style). */
  readonly domains: readonly string[]
}

/** S3's limit on the length of a key, in bytes of UTF-8. */
const maxKeyBytes = 1024

/** Parses bucket and key from the raw path and the host. @throws S3Error NotFound, InvalidURI, KeyTooLongError, InvalidRequest */
export function parseAddress(request: HttpRequest, options: AddressOptions): Address {
  const bucket = bucketFromHost(request, options)
  const path = request.rawPath.slice(options.mountPath.length)
  const isBelow = request.rawPath.startsWith(options.mountPath) && (path === '' || path.startsWith('/'))
  if (!isBelow) {
    if (!request.rawPath.startsWith('/')) throw new S3Error('InvalidURI')
    const message = `The path ${request.rawPath} is outside of this S3 endpoint, which is mounted at ${options.mountPath}.`
    throw new S3Error('NotFound', { message })
  }
  if (bucket !== undefined) return addressFrom(bucket, path.slice(1))
  const slash = path.indexOf('/', 1)
  return slash < 0
    ? addressFrom(percentDecode(path.slice(1)), '')
    : addressFrom(percentDecode(path.slice(1, slash)), path.slice(slash + 1))
}

/** With two Host headers, a proxy may have routed by the other one (RFC 9112, 3.2). */
function requireOneHost({ headers }: HttpRequest): void {
  const hosts = headers.get('host')?.length ?? 0
  if (hosts > 1) throw new S3Error('InvalidRequest', { message: 'The Host header was given more than once.' })
}

/**
 * The request as the client sent it to a trusted proxy: with `X-Forwarded-Host` as its `Host`, and with the scheme of
 * `X-Forwarded-Proto`. The address and the signature are then checked against that host.
 *
 * @throws S3Error InvalidRequest if `Host` is repeated.
 */
export function withTrustedHost(request: HttpRequest, isTrusted: boolean): HttpRequest {
  requireOneHost(request)
  // Each proxy of a chain appends its host; the first one is the host that the client used.
  const forwarded = isTrusted ? request.headers.get('x-forwarded-host')?.[0]?.split(',')[0]?.trim() : undefined
  if (!forwarded) return request
  const proto = request.headers.get('x-forwarded-proto')?.[0]?.split(',')[0]?.trim()
  const scheme = proto === 'http' || proto === 'https' ? proto : request.scheme
  return { ...request, scheme, headers: new Map([...request.headers, ['host', [forwarded]]]) }
}

/** The bucket in the host name (virtual-hosted style); undefined in path style. */
export function bucketFromHost(
  request: Pick<HttpRequest, 'headers'>,
  options: Pick<AddressOptions, 'domains'>,
): string | undefined {
  if (options.domains.length === 0) return undefined
  const host = hostname(header(request, 'host') ?? header(request, ':authority') ?? '')
  const [longest] = options.domains
    .filter((domain) => host.toLowerCase().endsWith(`.${domain.toLowerCase()}`))
    .sort((a, b) => b.length - a.length)
  return longest === undefined ? undefined : host.slice(0, -longest.length - 1)
}

/** The host without its port and without the dot of a fully qualified name; an IPv6 address keeps its brackets. */
function hostname(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '')
}

function addressFrom(bucket: string, rawKey: string): Address {
  if (bucket === '') {
    if (rawKey === '') return { kind: 'service' }
    throw new S3Error('InvalidBucketName', { fields: { BucketName: '' } })
  }
  if (rawKey === '') return { kind: 'bucket', bucket }
  return { kind: 'object', bucket, key: requireKeyLength(percentDecode(rawKey)) }
}

/** Returns the key; throws KeyTooLongError if it is too long. */
export function requireKeyLength(key: string): string {
  const bytes = Buffer.byteLength(key)
  if (bytes <= maxKeyBytes) return key
  throw new S3Error('KeyTooLongError', { fields: { Size: String(bytes), MaxSizeAllowed: String(maxKeyBytes) } })
}
