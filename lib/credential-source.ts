import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { noteLookup } from './diagnostics.js'
import { S3Error } from './errors.js'
import type { AuthConfig } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { PfsError } from './pfs/errors.js'
import type { Identity } from './signature/authenticate.js'
import type { Credential, CredentialSource, NamedCredential } from './signature/claim.js'

/** Creates the credential source of an AuthConfig. */
export function createCredentialSource(config: AuthConfig, pfs: PfsClient): CredentialSource {
  switch (config.mode) {
    case 'pachyderm': {
      const check = createTokenCheck(pfs)
      return {
        async credentialFor(accessKeyId) {
          const { kind, requester } = await check(accessKeyId)
          if (kind === 'expired') throw new S3Error('ExpiredToken')
          if (kind === 'unknown') return undefined
          return { secretAccessKey: accessKeyId, authToken: accessKeyId, ...(requester !== undefined && { requester }) }
        },
        anonymousAllowed: async () => (await check(undefined)).kind === 'anybody',
      }
    }
    case 'keys':
      return {
        async credentialFor(accessKeyId): Promise<NamedCredential | undefined> {
          const credential = requireSecret(await config.credentialFor(accessKeyId))
          return credential && { ...credential, requester: accessKeyId }
        },
        anonymousAllowed: async () => false,
      }
    case 'none':
      return {
        credentialFor: async () => undefined,
        anonymousAllowed: async () => true,
      }
  }
}

/** `createHmac` would turn `undefined` into the guessable key "undefined", so only strings are accepted. */
function requireSecret(credential: Credential | null | undefined): Credential | undefined {
  if (credential === undefined || credential === null) return undefined
  if (typeof credential.secretAccessKey === 'string') return credential
  throw new TypeError(
    'authConfig.credentialFor must return undefined or a credential whose secretAccessKey is a string',
  )
}

/** The state of a caller in PFS; 'anybody' if auth is not active. */
interface TokenStatus {
  readonly kind: 'known' | 'unknown' | 'expired' | 'anybody'
  /** Pachyderm's name of a known caller, such as `user:jo@example.com`. */
  readonly requester?: string
}

/** Asks PFS for the state of a caller; throws if PFS cannot tell. */
async function checkToken(pfs: PfsClient, options: CallOptions): Promise<TokenStatus> {
  try {
    const { username } = await pfs.whoAmI(options)
    return { kind: 'known', requester: username }
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
    // Only pachd's own text counts: a server without such a service returns UNIMPLEMENTED, too.
    if (error.refusal === 'auth-inactive') return { kind: 'anybody' }
    if (error.refusal === 'expired-token') return { kind: 'expired' }
    if (error.status === 'UNAUTHENTICATED') return { kind: 'unknown' }
    throw error
  }
}

/** Cached result of WhoAmI for a token. */
interface CachedCheck {
  readonly status: Promise<TokenStatus>
  /** Expiry, on the clock of `performance.now()`. */
  until: number
}

const maxTokens = 10_000
const acceptedMilliseconds = 60_000
const refusedMilliseconds = 5_000

/**
 * Checks tokens with WhoAmI and caches the results. In mode 'pachyderm', anyone can sign with a made-up word as access key
 * and secret key, so this protects the gateway from reading bodies and queueing writes of strangers. PFS still checks the
 * permission of each call.
 */
function createTokenCheck(pfs: PfsClient): (token: string | undefined) => Promise<TokenStatus> {
  const tokens = new LRUCache<string, CachedCheck>({ max: maxTokens })
  return async (token) => {
    // A hash, since anyone can send tokens of many kilobytes.
    const name = token === undefined ? 'none' : createHash('sha256').update(token).digest('base64')
    const known = tokens.get(name)
    const valid = noteLookup('tokens', known !== undefined && known.until > performance.now() && known)
    if (valid) return valid.status
    const cached = {
      status: checkToken(pfs, token === undefined ? {} : { authToken: token }),
      until: Number.POSITIVE_INFINITY,
    }
    tokens.set(name, cached)
    try {
      const status = await cached.status
      const isAccepted = status.kind === 'known' || status.kind === 'anybody'
      cached.until = performance.now() + (isAccepted ? acceptedMilliseconds : refusedMilliseconds)
      return status
    } catch (reason) {
      cached.until = 0
      throw reason
    }
  }
}

/** Pachyderm refused a token from the configuration; names the owner of the token for the operator. */
export class ServiceTokenError extends Error {
  override readonly name = 'ServiceTokenError'
}

/**
 * Converts the error of a request whose token comes from the configuration. The client cannot correct that token, so it
 * gets AccessDenied, with a ServiceTokenError as the cause; any other error is returned unchanged. In mode 'pachyderm',
 * the token is the client's.
 */
export function withoutServiceToken(error: S3Error, mode: AuthConfig['mode'], { accessKeyId }: Identity): S3Error {
  const { cause } = error
  if (mode === 'pachyderm' || !(cause instanceof PfsError) || !cause.isOfToken) return error
  const owner = accessKeyId === undefined ? "mode 'none'" : `access key ${JSON.stringify(accessKeyId)}`
  const reason =
    cause.refusal === 'no-token' ? `${owner} has no authToken` : `Pachyderm does not accept the authToken of ${owner}`
  return new S3Error('AccessDenied', { cause: new ServiceTokenError(`${reason}: ${cause.message}`, { cause }) })
}
