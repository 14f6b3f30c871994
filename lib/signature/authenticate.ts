import { invalidArgument, S3Error } from '../errors.js'
import type { HttpRequest } from '../http/request.js'
import { type CheckedBody, createCheckedBody } from './checked-body.js'
import type { ChunkChain, Claim, ClaimOptions, CredentialSource } from './claim.js'
import { type Diagnose, likelyCause } from './diagnosis.js'
import { readPayload } from './payload.js'
import { readV2Header, readV2Query } from './v2.js'
import { readV4Header, readV4Query, v4Algorithm } from './v4.js'

/** The caller of a request; `{}` for an anonymous one. */
export interface Identity {
  readonly accessKeyId?: string | undefined
  /** The Pachyderm token that the access key stands for. */
  readonly authToken?: string | undefined
  /** The caller's name for logs, never a token. */
  readonly requester?: string | undefined
}

/** How signatures are verified. */
export interface SignatureOptions {
  readonly credentials: CredentialSource
  /** The only region that a credential scope may name; any region if undefined. */
  readonly region?: string | undefined
  /**
   * The clock that signatures are checked against.
   *
   * @default the system clock
   */
  readonly now?: (() => Date) | undefined
  /**
   * Names the likely cause of a wrong signature.
   *
   * @default `likelyCause`, for every request
   */
  readonly diagnose?: Diagnose | undefined
}

/** The caller of a request, and its body. Reading the body verifies it. */
export interface Authenticated {
  readonly identity: Identity
  readonly body: CheckedBody
}

/**
 * Verifies the signature of a request (V4 or V2, in the headers or the query) and wraps its body, so that reading the
 * body verifies the content.
 *
 * @param virtualHostBucket The bucket in the host name, which a V2 signature covers.
 * @throws S3Error if the request is refused; the `cause` of SignatureDoesNotMatch names the likely reason.
 * @throws the error of `credentials`, if the look-up of a credential fails.
 */
export async function authenticate(
  request: HttpRequest,
  options: SignatureOptions,
  virtualHostBucket?: string | undefined,
): Promise<Authenticated> {
  const proof = await identify(options.credentials, () =>
    readClaim(request, {
      region: options.region,
      now: options.now?.() ?? new Date(),
      virtualHostBucket,
      diagnose: options.diagnose ?? likelyCause,
    }),
  )
  const payload = readPayload(request)
  const chain = payload.framing?.signed ? proof.chain : undefined
  if (payload.framing?.signed && chain === undefined && proof.identity.accessKeyId !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Signed chunks need a Signature Version 4 in the Authorization header.',
    })
  }
  return { identity: proof.identity, body: createCheckedBody(request.body, payload, chain) }
}

/**
 * Verifies a claim against its credential. A caller without a valid claim is anonymous if the credential source allows
 * anonymous callers.
 *
 * @throws S3Error with the reason, if it does not.
 */
export async function identify(
  credentials: CredentialSource,
  readClaim: () => Claim | undefined,
): Promise<{ identity: Identity; chain?: ChunkChain | undefined }> {
  const claim = attempt(readClaim)
  if (claim === undefined) return anonymous(credentials, () => new S3Error('AccessDenied'))
  if (claim instanceof S3Error) return anonymous(credentials, () => claim)
  const { accessKeyId } = claim
  const credential = await credentials.credentialFor(accessKeyId)
  if (credential === undefined || credential.secretAccessKey === '') {
    return anonymous(credentials, () => new S3Error('InvalidAccessKeyId', { fields: { AWSAccessKeyId: accessKeyId } }))
  }
  const chain = attempt(() => claim.prove(credential.secretAccessKey))
  if (chain instanceof S3Error) return anonymous(credentials, () => chain)
  const { authToken, requester } = credential
  return { identity: { accessKeyId, requester, ...(authToken !== undefined && { authToken }) }, chain }
}

async function anonymous(credentials: CredentialSource, refusal: () => S3Error): Promise<{ identity: Identity }> {
  if (await credentials.anonymousAllowed()) return { identity: {} }
  throw refusal()
}

/** Returns an S3Error as a value. Any other failure, such as a failed look-up, must never make the caller anonymous. */
function attempt<T>(read: () => T): T | S3Error {
  try {
    return read()
  } catch (error) {
    if (error instanceof S3Error) return error
    throw error
  }
}

/** Whether a request has a signature, valid or not: an anonymous one of S3 has none. */
export function isSigned({ headers, query }: Pick<HttpRequest, 'headers' | 'query'>): boolean {
  return headers.has('authorization') || [...queryV4, ...queryV2].some((name) => query.has(name))
}

/** Query parameters of presigned URLs. */
const queryV4 = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature']
const queryV2 = ['AWSAccessKeyId', 'Signature']

/** Returns undefined if the request has no signature. */
function readClaim(request: HttpRequest, options: ClaimOptions): Claim | undefined {
  const authorizations = request.headers.get('authorization') ?? []
  const inQueryV4 = queryV4.some((name) => request.query.has(name))
  const inQueryV2 = queryV2.some((name) => request.query.has(name))
  if (authorizations.length + Number(inQueryV4) + Number(inQueryV2) > 1) {
    throw invalidArgument('Authorization', {
      message:
        'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    })
  }
  if (inQueryV4) return readV4Query(request, options)
  if (inQueryV2) return readV2Query(request, options)
  const [authorization] = authorizations
  // S3 answers an empty header as it answers a missing one.
  if (authorization === undefined || authorization === '') return undefined
  if (authorization.startsWith(`${v4Algorithm} `)) return readV4Header(request, authorization, options)
  if (authorization.startsWith('AWS ')) return readV2Header(request, authorization, options)
  // Without its value, which may be a secret.
  throw invalidArgument('Authorization', { message: 'Unsupported Authorization Type' })
}
