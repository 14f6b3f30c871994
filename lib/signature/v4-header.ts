import { S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import type { Claim, ClaimOptions } from './claim.js'
import { missingDate, parseDateHeader, parseTimestamp, requireSmallSkew, type Timestamp } from './time.js'
import { parseCredential, parseSignedHeaders, v4Algorithm, v4Claim } from './v4.js'

/** Reads a V4 signature from the Authorization header (`AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`). */
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
