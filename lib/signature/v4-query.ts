import { S3Error } from '../errors.js'
import { type HttpRequest, queryValue } from '../http/request.js'
import type { Claim, ClaimOptions } from './claim.js'
import { declaredPayloadHash } from './payload.js'
import { isoSeconds, maxSkew, parseTimestamp, type Timestamp } from './time.js'
import { parseCredential, parseSignedHeaders, v4Algorithm, v4Claim } from './v4.js'

/** The longest life of a presigned URL: seven days, in seconds. */
const maxExpires = 7 * 24 * 60 * 60

/** Reads a V4 signature from the query of a presigned URL; its expiry takes the place of the limit on clock skew. */
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
