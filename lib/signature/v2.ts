import { invalidArgument, S3Error } from '../errors.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import { canonicalPaths, trimmedHeader } from './canonical-request.js'
import { type Claim, type ClaimOptions, signatureMismatch } from './claim.js'
import type { Diagnose } from './diagnosis.js'
import { hmacSha1, sameSignature } from './hmac.js'
import { isoSeconds, missingDate, parseDateHeader, parseTimestamp, requireSmallSkew } from './time.js'

/** Query parameters that newer SDKs sign with V2 and others, such as botocore, do not. */
const newSubresources: ReadonlySet<string> = new Set([
  'attributes',
  'encryption',
  'intelligent-tiering',
  'legal-hold',
  'metadataConfiguration',
  'metadataTable',
  'ownershipControls',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'retention',
  'session',
])

/** The query parameters that Signature V2 covers (S3 REST authentication, "CanonicalizedResource"); `response-*` too. */
const subresources: ReadonlySet<string> = new Set([
  ...newSubresources,
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'defaultObjectAcl',
  'delete',
  'inventory',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'partNumber',
  'policy',
  'replication',
  'requestPayment',
  'restore',
  'select',
  'select-type',
  'storageClass',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
])

const oldSubresources: ReadonlySet<string> = new Set([...subresources].filter((name) => !newSubresources.has(name)))

/** A V2 signature, and the signed values that depend on where it was sent. */
interface V2Signature {
  readonly accessKeyId: string
  /** Base64, if well-formed. */
  readonly signature: string
  /** The date line: the Date header, empty with `x-amz-date`, or `Expires` from the query. */
  readonly dateLine: string
  /** The bucket in the host name; undefined in path style. */
  readonly virtualHostBucket?: string | undefined
  /** Whether headers without effect may be in the query, as in a presigned URL. */
  readonly headersInQuery: boolean
}

/**
 * The claim of a V2 signature; throws AccessDenied for a query that the signature does not determine.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
 */
function v2Claim(request: HttpRequest, signed: V2Signature, diagnose: Diagnose): Claim {
  requireUnambiguous(request.query)
  const { accessKeyId, signature } = signed
  return {
    accessKeyId,
    prove(secretAccessKey) {
      const matches = (candidate: HttpRequest) =>
        stringsToSign(candidate, signed).some((text) => sameSignature(hmacSha1(secretAccessKey, text), signature))
      if (matches(request)) return undefined
      const [stringToSign = ''] = stringsToSign(request, signed)
      throw signatureMismatch({ accessKeyId, signature, stringToSign }, diagnose(request, matches))
    },
  }
}

/**
 * The strings that the client may have signed, the one that V2 prescribes first. Clients differ in how they encode the
 * path, whether they end a bucket's path with a slash, and whether they write the `=` of an empty subresource. All of
 * them name the same request.
 */
function stringsToSign(request: HttpRequest, signed: V2Signature): readonly string[] {
  const value = (name: string) => trimmedHeader(request, name) ?? ''
  const contentType = trimmedHeader(request, 'content-type') ?? queryText(request, 'content-type', signed) ?? ''
  const head = [request.method, value('content-md5'), contentType, signed.dateLine].join('\n')
  const bucket = signed.virtualHostBucket === undefined ? '' : `/${signed.virtualHostBucket}`
  const before = `${head}\n${amzHeaders(request, signed)}${bucket}`
  // An unsigned subresource could be added by anyone who sees the URL; on reads that is harmless.
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const queries = new Set(
    (isRead ? [subresources, oldSubresources] : [subresources]).flatMap((covered) =>
      ['', '='].map((empty) => subresourceQuery(request.query, covered, empty)),
    ),
  )
  const sent = [...canonicalPaths(request.rawPath)].reverse()
  // In virtual-hosted style, a path without a slash at its end names another key than one with it.
  const paths = signed.virtualHostBucket === undefined ? sent.flatMap(bucketPaths) : sent
  return [...queries].flatMap((query) => paths.map((path) => `${before}${path}${query}`))
}

/** botocore signs the path of a bucket with a trailing slash, but sends it without. */
function bucketPaths(path: string): readonly string[] {
  return /^\/[^/]+$/.test(path) ? [path, `${path}/`] : [path]
}

function amzHeaders(request: HttpRequest, signed: V2Signature): string {
  const lines = new Map<string, string>()
  for (const name of request.headers.keys()) {
    if (name.startsWith('x-amz-')) lines.set(name, trimmedHeader(request, name) ?? '')
  }
  for (const name of request.query.keys()) {
    const text = queryText(request, name, signed)
    if (text !== undefined && isWithoutEffect(name, text) && !lines.has(name)) lines.set(name, text)
  }
  return [...lines.keys()]
    .sort()
    .map((name) => `${name}:${lines.get(name)}\n`)
    .join('')
}

/** Whether a header has no effect on the request. */
function isWithoutEffect(name: string, value: string): boolean {
  return /^x-amz-(meta-[a-z0-9-]+|security-token)$/.test(name) || (name === 'x-amz-acl' && value === 'private')
}

/**
 * A header that presigned URLs of botocore carry as a parameter; undefined if it is missing. Only headers without effect
 * qualify: any other header must be sent as a header, or an attacker could remove it from the URL.
 */
function queryText(request: HttpRequest, name: string, { headersInQuery }: V2Signature): string | undefined {
  if (!headersInQuery) return undefined
  // A line break in the value would read as another header.
  return request.query
    .get(name)
    ?.map(wireText)
    .join(',')
    .replace(/[\r\n]+/g, ' ')
}

/** The signed parameters with decoded values; `empty` follows the name of a parameter without a value. */
function subresourceQuery(query: HttpRequest['query'], covered: ReadonlySet<string>, empty: string): string {
  const pairs = [...query.keys()]
    .filter((name) => isCovered(name, covered))
    .sort()
    .flatMap((name) =>
      (query.get(name) ?? []).map((value) => (value === '' ? `${name}${empty}` : `${name}=${wireText(value)}`)),
    )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function isCovered(name: string, covered: ReadonlySet<string>): boolean {
  return covered.has(name) || /^response-[a-z-]+$/.test(name)
}

/**
 * Throws AccessDenied if a value contains `&` and another signed parameter: V2 signs decoded values, so the same signature
 * would be good for a URL with both parameters, such as a `versionId` after a `response-*`.
 */
function requireUnambiguous(query: HttpRequest['query']): void {
  for (const [name, values] of query) {
    if (!isCovered(name, subresources)) continue
    const inner = values.flatMap((value) => value.split('&').slice(1))
    if (inner.some((text) => isCovered(text.replace(/=.*/s, ''), subresources))) {
      throw denied(`Signature Version 2 cannot sign this value of ${name}, which contains another parameter`)
    }
  }
}

/** Decoded text as the Latin-1 of its bytes, the form in which Node delivers headers. */
function wireText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Parses a V2 signature from the Authorization header (`AWS key:signature`). */
export function readV2Header(request: HttpRequest, authorization: string, options: ClaimOptions): Claim {
  const text = authorization.slice('AWS '.length).trim()
  const colon = text.lastIndexOf(':')
  if (colon < 1) {
    throw invalidArgument('Authorization', {
      message: 'AWS authorization header is invalid.  Expected AwsAccessKeyId:signature',
    })
  }
  const amzDate = header(request, 'x-amz-date')
  const date = amzDate ?? header(request, 'date') ?? ''
  const timestamp = parseDateHeader(date) ?? parseTimestamp(date)
  if (timestamp === undefined) throw missingDate()
  requireSmallSkew(timestamp, options.now)
  return v2Claim(
    request,
    {
      accessKeyId: text.slice(0, colon),
      signature: text.slice(colon + 1),
      dateLine: amzDate === undefined ? date : '',
      virtualHostBucket: options.virtualHostBucket,
      headersInQuery: false,
    },
    options.diagnose,
  )
}

/** Parses a V2 signature from the query of a presigned URL (`AWSAccessKeyId`, `Expires`, `Signature`). */
export function readV2Query(request: HttpRequest, options: ClaimOptions): Claim {
  const accessKeyId = queryValue(request, 'AWSAccessKeyId')
  const expires = queryValue(request, 'Expires')
  const signature = queryValue(request, 'Signature')
  if (!accessKeyId || !expires || !signature) {
    throw denied('Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters')
  }
  if (!/^\d{1,12}$/.test(expires)) throw denied(`Invalid date (should be seconds since epoch): ${expires}`)
  const end = Number(expires) * 1000
  if (options.now.getTime() > end) {
    throw denied('Request has expired', { Expires: isoSeconds(end), ServerTime: isoSeconds(options.now.getTime()) })
  }
  return v2Claim(
    request,
    {
      accessKeyId,
      signature,
      dateLine: expires,
      virtualHostBucket: options.virtualHostBucket,
      headersInQuery: true,
    },
    options.diagnose,
  )
}

function denied(message: string, fields: Record<string, string> = {}): S3Error {
  return new S3Error('AccessDenied', { message, fields })
}
