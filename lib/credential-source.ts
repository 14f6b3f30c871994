import { createHash } from 'node:crypto'
import { S3Error } from './errors.js'
import type { AuthConfig } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { PfsError } from './pfs/errors.js'
import { createRecentMap } from './recent-map.js'
import type { Credential, CredentialSource } from './signature/credentials.js'

/** Where the credentials of a mode come from. */
export function createCredentialSource(config: AuthConfig, pfs: PfsClient): CredentialSource {
  switch (config.mode) {
    case 'pachyderm': {
      const check = createTokenCheck(pfs)
      return {
        async credentialFor(accessKeyId) {
          const standing = await check(accessKeyId)
          if (standing === 'expired') throw new S3Error('ExpiredToken')
          return standing === 'unknown' ? undefined : { secretAccessKey: accessKeyId, authToken: accessKeyId }
        },
        anonymousAllowed: async () => (await check(undefined)) === 'anybody',
      }
    }
    case 'keys':
      return {
        credentialFor: async (accessKeyId) => requireSecret(await config.secretFor(accessKeyId)),
        anonymousAllowed: async () => false,
      }
    case 'none':
      return {
        credentialFor: async () => undefined,
        anonymousAllowed: async () => true,
      }
  }
}

/** A secret that is none, such as an unset variable, would sign as the word for it, which anybody can guess. */
function requireSecret(credential: Credential | null | undefined): Credential | undefined {
  if (credential === undefined || credential === null) return undefined
  if (typeof credential.secretAccessKey === 'string') return credential
  throw new TypeError('authConfig.secretFor must answer undefined or a credential whose secretAccessKey is a string')
}

/** How PFS takes a caller; 'anybody' if auth is not active. */
type Standing = 'known' | 'unknown' | 'expired' | 'anybody'

/** Asks PFS how it takes a caller; throws if it cannot tell. */
async function standingOf(pfs: PfsClient, options: CallOptions): Promise<Standing> {
  try {
    await pfs.whoAmI(options)
    return 'known'
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
    // Only pachd's own words will do: a server that has no such service says UNIMPLEMENTED too.
    if (error.refusal === 'auth-inactive') return 'anybody'
    if (error.refusal === 'expired-token') return 'expired'
    if (error.status === 'UNAUTHENTICATED') return 'unknown'
    throw error
  }
}

/** Cached result of WhoAmI for a token. */
interface CachedStanding {
  readonly standing: Promise<Standing>
  /** By the clock of `performance.now()`. */
  until: number
}

const maxTokens = 10_000
const acceptedMilliseconds = 60_000
const refusedMilliseconds = 5_000

/**
 * Asks PFS about tokens and remembers its answers. In Pachyderm's mode anyone can sign with a made-up word as access key
 * and secret key, so only PFS can tell whose body to take and who may wait for a turn. It still decides each call.
 */
function createTokenCheck(pfs: PfsClient): (token: string | undefined) => Promise<Standing> {
  const tokens = createRecentMap<CachedStanding>(maxTokens, () => 1)
  return async (token) => {
    // A hash, since anybody may send words of many kilobytes.
    const name = token === undefined ? 'none' : createHash('sha256').update(token).digest('base64')
    const known = tokens.get(name)
    if (known !== undefined && known.until > performance.now()) return known.standing
    const cached = {
      standing: standingOf(pfs, token === undefined ? {} : { authToken: token }),
      until: Number.POSITIVE_INFINITY,
    }
    tokens.set(name, cached)
    try {
      const standing = await cached.standing
      const isAccepted = standing === 'known' || standing === 'anybody'
      cached.until = performance.now() + (isAccepted ? acceptedMilliseconds : refusedMilliseconds)
      return standing
    } catch (reason) {
      cached.until = 0
      throw reason
    }
  }
}
