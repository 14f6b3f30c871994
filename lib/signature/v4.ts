import type { S3Error } from '../errors.js'
import type { HttpRequest } from '../http/request.js'
import {
  canonicalHeaders,
  canonicalPaths,
  canonicalQuery,
  canonicalRequest,
  requireSignedHeaders,
  type SignedParts,
  sha256Hex,
} from './canonical-request.js'
import { createChunkChain } from './chunk-chain.js'
import { type Claim, signatureMismatch } from './claim.js'
import type { Diagnose } from './diagnosis.js'
import { sameSignature } from './same-signature.js'
import { hmac, signingKey } from './signing-key.js'
import type { Timestamp } from './time.js'

/** The one algorithm of Signature V4 that is served. */
export const v4Algorithm = 'AWS4-HMAC-SHA256'

/** A credential as a V4 signature names it. */
export interface V4Credential {
  readonly accessKeyId: string
  /** `date/region/s3/aws4_request`. */
  readonly scope: string
}

/** A V4 signature and what it says that it covers. */
export interface V4Signature {
  readonly credential: V4Credential
  readonly timestamp: Timestamp
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
  /** 64 hex digits where the client made it well. */
  readonly signature: string
  /** The query parameter that holds the signature and is therefore not covered. */
  readonly unsignedParameter?: string
}

/**
 * Reads `key/date/region/s3/aws4_request` and holds it against the date of the request and the region of the gateway
 * (any where undefined); `malformed` words the refusal for the place where the credential stood.
 */
export function parseCredential(
  text: string,
  timestamp: Timestamp,
  region: string | undefined,
  malformed: (reason: string, fields?: Record<string, string>) => S3Error,
): V4Credential {
  const parts = text.split('/')
  // An access key may hold a slash, the rest may not.
  const [date, scopeRegion, service, terminator] = parts.splice(-4)
  const accessKeyId = parts.join('/')
  if (terminator === undefined || parts.length === 0) {
    throw malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  }
  if (accessKeyId === '') throw malformed('a non-empty Access Key (AKID) must be provided in the credential.')
  if (date !== timestamp.text.slice(0, 8)) {
    throw malformed(`Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp.text}".`)
  }
  if (service !== 's3') throw malformed(`incorrect service "${service}". This endpoint belongs to "s3".`)
  if (terminator !== 'aws4_request') {
    throw malformed(`incorrect terminal "${terminator}". This endpoint uses "aws4_request".`)
  }
  if (scopeRegion === undefined || scopeRegion === '')
    throw malformed('a non-empty region must be provided in the credential.')
  if (region !== undefined && scopeRegion !== region) {
    throw malformed(`the region '${scopeRegion}' is wrong; expecting '${region}'`, { Region: region })
  }
  return { accessKeyId, scope: `${date}/${scopeRegion}/s3/aws4_request` }
}

/** The names of a SignedHeaders list; undefined unless they are lower-case header names, each once. */
export function parseSignedHeaders(text: string): readonly string[] | undefined {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+(;[a-z0-9!#$%&'*+.^_`|~-]+)*$/.test(text)) return undefined
  const names = text.split(';')
  return new Set(names).size === names.length ? names : undefined
}

/** The claim of a V4 signature; throws AccessDenied where a header that must be signed is not. */
export function v4Claim(request: HttpRequest, signed: V4Signature, diagnose: Diagnose): Claim {
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
        // A presigned URL signs no chunks.
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
