import { invalidArgument, S3Error } from '../errors.js'
import type { HttpRequest } from '../http/request.js'
import { type CheckedBody, createCheckedBody } from './checked-body.js'
import type { ChunkChain, Claim, ClaimOptions, CredentialSource } from './claim.js'
import { type Diagnose, likelyCause } from './diagnosis.js'
import { readPayload } from './payload.js'
import { readV2Header, readV2Query } from './v2.js'
import { readV4Header, readV4Query, v4Algorithm } from './v4.js'

/** Who asks; `{}` is anonymous. */
export interface Identity {
  readonly accessKeyId?: string | undefined
  /** The Pachyderm token that the access key stands for. */
  readonly authToken?: string | undefined
  /** The name of the caller for logs, never a token. */
  readonly requester?: string | undefined
}

/** What signatures are proven with. */
export interface SignatureOptions {
  readonly credentials: CredentialSource
  /** The one region that a scope may name; any where absent. */
  readonly region?: string | undefined
  /** The clock; the system's where absent. */
  readonly now?: (() => Date) | undefined
  /**
   * Names the likely cause of a wrong signature.
   *
   * @default `likelyCause`, for every request
   */
  readonly diagnose?: Diagnose | undefined
}

/** A request whose sender is known, and its body as it must be. */
export interface Authenticated {
  readonly identity: Identity
  readonly body: CheckedBody
}

/**
 * Proves who signed a request (V4 or V2, in header or query) and wraps its body so that reading it proves the content.
 * Throws S3's error for what is refused, with a likely cause of a wrong signature as its `cause`; a failure to look up a
 * credential is thrown as it is. `virtualHostBucket` is the bucket that the host names, which a V2 signature covers.
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
 * Proves a claim with its credential. Who cannot is anonymous where the credential source allows that, and refused with
 * the reason otherwise.
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

/** A refusal as a value, so that only what reading and proving refuse is forgiven, never a failed look-up. */
function attempt<T>(read: () => T): T | S3Error {
  try {
    return read()
  } catch (error) {
    if (error instanceof S3Error) return error
    throw error
  }
}

/** Undefined where the request has no signature. */
function readClaim(request: HttpRequest, options: ClaimOptions): Claim | undefined {
  const authorizations = request.headers.get('authorization') ?? []
  const inQueryV4 = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature'].some((name) => request.query.has(name))
  const inQueryV2 = ['AWSAccessKeyId', 'Signature'].some((name) => request.query.has(name))
  if (authorizations.length + Number(inQueryV4) + Number(inQueryV2) > 1) {
    throw invalidArgument('Authorization', {
      message:
        'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    })
  }
  if (inQueryV4) return readV4Query(request, options)
  if (inQueryV2) return readV2Query(request, options)
  const [authorization] = authorizations
  if (authorization === undefined) return undefined
  if (authorization.startsWith(`${v4Algorithm} `)) return readV4Header(request, authorization, options)
  if (authorization.startsWith('AWS ')) return readV2Header(request, authorization, options)
  throw new S3Error('InvalidArgument', {
    message: 'Unsupported Authorization Type',
  })
}
