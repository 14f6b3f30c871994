import { S3Error } from '../errors.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import {
  canonicalHeaders,
  canonicalPaths,
  canonicalQuery,
  canonicalRequest,
  requireSignedHeaders,
  type SignedParts,
  sha256Hex,
} from './canonical-request.js'
import { type Claim, type ClaimOptions, createChunkChain, signatureMismatch } from './claim.js'
import type { Diagnose } from './diagnosis.js'
import { hmac, sameSignature, signingKey } from './hmac.js'
import { declaredPayloadHash } from './payload.js'
import {
  isoSeconds,
  maxSkew,
  missingDate,
  parseDateHeader,
  parseTimestamp,
  requireSmallSkew,
  type Timestamp,
} from './time.js'

/** The only supported algorithm of Signature V4. */
export const v4Algorithm = 'AWS4-HMAC-SHA256'

/** The `Credential` of a V4 signature. */
interface V4Credential {
  readonly accessKeyId: string
  /** `date/region/s3/aws4_request`. */
  readonly scope: string
}

/** A parsed V4 signature. */
interface V4Signature {
  readonly credential: V4Credential
  readonly timestamp: Timestamp
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
  /** 64 hex digits, if well-formed. */
  readonly signature: string
  /** The query parameter that contains the signature, which therefore cannot be signed. */
  readonly unsignedParameter?: string
}

/**
 * Parses `key/date/region/s3/aws4_request` and checks it against the date of the request and the gateway's region (any
 * region if undefined). `malformed` creates the error, since its text depends on where the credential was sent.
 */
export function parseCredential(
  text: string,
  timestamp: Timestamp,
  region: string | undefined,
  malformed: (reason: string, fields?: Record<string, string>) => S3Error,
): V4Credential {
  const parts = text.split('/')
  // An access key may contain a slash; the other parts may not.
  const [date, scopeRegion, service, terminator] = parts.splice(-4)
  const accessKeyId = parts.join('/')
  if (terminator === undefined || parts.length === 0) {
    throw malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  }
  if (accessKeyId === '') throw malformed('a non-empty Access Key (AKID) must be provided in the credential.')
  if (terminator !== 'aws4_request') {
    throw malformed(`incorrect terminal "${terminator}". This endpoint uses "aws4_request".`)
  }
  if (service !== 's3') throw malformed(`incorrect service "${service}". This endpoint belongs to "s3".`)
  if (scopeRegion === undefined || scopeRegion === '')
    throw malformed('a non-empty region must be provided in the credential.')
  if (region !== undefined && scopeRegion !== region) {
    throw malformed(`the region '${scopeRegion}' is wrong; expecting '${region}'`, { Region: region })
  }
  if (!/^\d{8}$/.test(date ?? '')) {
    throw malformed(`incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`)
  }
  if (date !== timestamp.text.slice(0, 8)) {
    throw malformed(`Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp.text}".`)
  }
  return { accessKeyId, scope: `${date}/${scopeRegion}/s3/aws4_request` }
}

/** Parses a SignedHeaders list; undefined unless its names are lower-case header names without duplicates. */
function parseSignedHeaders(text: string): readonly string[] | undefined {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+(;[a-z0-9!#$%&'*+.^_`|~-]+)*$/.test(text)) return undefined
  const names = text.split(';')
  return new Set(names).size === names.length ? names : undefined
}

/** The claim of a V4 signature; throws AccessDenied if a header that must be signed is not. */
function v4Claim(request: HttpRequest, signed: V4Signature, diagnose: Diagnose): Claim {
  requireSignedHeaders(request, signed.signedHeaders)
  const { credential, timestamp, signature } = signed
  const toSign = (canonical: string) => [v4Algorithm, timestamp.text, credential.scope, sha256Hex(canonical)].join('\n')
  return {
    accessKeyId: credential.accessKeyId,
    prove(secretAccessKey) {
      const key = signingKey(secretAccessKey, credential.scope)
      const matches = (candidate: HttpRequest) =>
        candidates(candidate, signed).some((canonical) =>
          sameSignature(hmac(key, toSign(canonical)).toString('hex'), signature),
        )
      if (matches(request)) {
        // A presigned URL does not sign chunks.
        if (signed.unsignedParameter !== undefined) return undefined
        return createChunkChain({ key, timestamp: timestamp.text, scope: credential.scope, seed: signature })
      }
      const [canonical = ''] = candidates(request, signed)
      throw signatureMismatch(
        {
          accessKeyId: credential.accessKeyId,
          signature,
          stringToSign: toSign(canonical),
          canonicalRequest: canonical,
        },
        diagnose(request, matches),
      )
    },
  }
}

function candidates(request: HttpRequest, signed: V4Signature): readonly string[] {
  const parts: SignedParts = {
    method: request.method,
    canonicalQuery: canonicalQuery(request.query, signed.unsignedParameter),
    signedHeaders: signed.signedHeaders,
    canonicalHeaders: canonicalHeaders(request, signed.signedHeaders),
    payloadHash: signed.payloadHash,
  }
  return canonicalPaths(request.rawPath).map((path) => canonicalRequest(path, parts))
}

/** Parses a V4 signature from the Authorization header (`AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`). */
export function readV4Header(request: HttpRequest, authorization: string, options: ClaimOptions): Claim {
  const components = parseComponents(authorization)
  const timestamp = readTimestamp(request)
  const credential = parseCredential(components.Credential, timestamp, options.region, malformed)
  const signedHeaders = parseSignedHeaders(components.SignedHeaders)
  if (signedHeaders === undefined) throw malformed('the SignedHeaders are mal-formed.')
  const payloadHash = header(request, 'x-amz-content-sha256')
  if (payloadHash === undefined) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: x-amz-content-sha256' })
  }
  requireSmallSkew(timestamp, options.now)
  return v4Claim(
    request,
    { credential, timestamp, signedHeaders, payloadHash, signature: components.Signature },
    options.diagnose,
  )
}

const componentNames = ['Credential', 'SignedHeaders', 'Signature'] as const

type Components = Readonly<Record<(typeof componentNames)[number], string>>

function parseComponents(authorization: string): Components {
  const found = new Map<string, string>()
  for (const component of authorization.slice(v4Algorithm.length).split(',')) {
    const text = component.trim()
    const equals = text.indexOf('=')
    const name = text.slice(0, equals)
    if (equals < 0 || found.has(name)) throw malformed(`the authorization component "${text}" is malformed.`)
    found.set(name, text.slice(equals + 1))
  }
  const [Credential, SignedHeaders, Signature] = componentNames.map((name) => found.get(name))
  if (Credential === undefined || SignedHeaders === undefined || Signature === undefined || found.size > 3) {
    throw malformed(`the authorization header requires three components: ${componentNames.join(', ')}.`)
  }
  return { Credential, SignedHeaders, Signature }
}

function readTimestamp(request: HttpRequest): Timestamp {
  const amzDate = header(request, 'x-amz-date')
  const date = amzDate ?? header(request, 'date') ?? ''
  const timestamp = parseTimestamp(date) ?? (amzDate === undefined ? parseDateHeader(date) : undefined)
  if (timestamp === undefined) throw missingDate()
  return timestamp
}

function malformed(reason: string, fields: Record<string, string> = {}): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', {
    message: `The authorization header is malformed; ${reason}`,
    fields,
  })
}

/** Longest lifetime of a presigned URL: seven days, in seconds. */
const maxExpires = 7 * 24 * 60 * 60

/** Parses a V4 signature from the query of a presigned URL; its expiry replaces the limit on clock skew. */
export function readV4Query(request: HttpRequest, options: ClaimOptions): Claim {
  if (required(request, 'X-Amz-Algorithm') !== v4Algorithm) {
    throw refusal(`X-Amz-Algorithm only supports "${v4Algorithm}"`)
  }
  const timestamp = parseTimestamp(required(request, 'X-Amz-Date'))
  if (timestamp === undefined) {
    throw refusal("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  }
  const credential = parseCredential(
    required(request, 'X-Amz-Credential'),
    timestamp,
    options.region,
    (reason, fields = {}) => refusal(`Error parsing the X-Amz-Credential parameter; ${reason}`, fields),
  )
  const signedHeaders = parseSignedHeaders(required(request, 'X-Amz-SignedHeaders'))
  if (signedHeaders === undefined) throw refusal('X-Amz-SignedHeaders is mal-formed.')
  requireInTime(timestamp, parseExpires(required(request, 'X-Amz-Expires')), options.now)
  return v4Claim(
    request,
    {
      credential,
      timestamp,
      signedHeaders,
      payloadHash: declaredPayloadHash(request) ?? 'UNSIGNED-PAYLOAD',
      signature: required(request, 'X-Amz-Signature'),
      unsignedParameter: 'X-Amz-Signature',
    },
    options.diagnose,
  )
}

function required(request: HttpRequest, name: string): string {
  const value = queryValue(request, name)
  if (value !== undefined && value !== '') return value
  throw refusal(
    'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
  )
}

function parseExpires(text: string): number {
  if (!/^-?\d+$/.test(text)) throw refusal('X-Amz-Expires should be a number')
  const seconds = Number(text)
  if (seconds < 0) throw refusal('X-Amz-Expires must be non-negative')
  if (seconds === 0) throw refusal('X-Amz-Expires must be at least one second')
  if (seconds > maxExpires) {
    throw refusal(
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${maxExpires} seconds`,
    )
  }
  return seconds
}

function requireInTime(signedAt: Timestamp, expires: number, now: Date): void {
  const end = signedAt.time + expires * 1000
  const early = now.getTime() < signedAt.time - maxSkew
  if (!early && now.getTime() <= end) return
  throw new S3Error('AccessDenied', {
    message: early ? 'Request is not yet valid' : 'Request has expired',
    fields: {
      'X-Amz-Expires': String(expires),
      Expires: isoSeconds(end),
      ServerTime: isoSeconds(now.getTime()),
    },
  })
}

function refusal(message: string, fields: Record<string, string> = {}): S3Error {
  return new S3Error('AuthorizationQueryParametersError', { message, fields })
}
