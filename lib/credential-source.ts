import type { AuthConfig } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { PfsError } from './pfs/errors.js'
import { createRecentMap } from './recent-map.js'
import type { Credential, CredentialSource } from './signature/credentials.js'

/** Where the credentials of a mode come from. */
export function createCredentialSource(config: AuthConfig, pfs: PfsClient): CredentialSource {
  switch (config.mode) {
    case 'pachyderm': {
      const isKnown = createTokenCheck(pfs)
      return {
        credentialFor: async (accessKeyId) =>
          (await isKnown(accessKeyId)) ? { secretAccessKey: accessKeyId, authToken: accessKeyId } : undefined,
        anonymousAllowed: () => isAuthInactive(pfs),
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

/** Whether auth is not active on the cluster; throws where that cannot be found out. */
async function isAuthInactive(pfs: PfsClient): Promise<boolean> {
  return (await standingOf(pfs, {})) === 'anybody'
}

/** How PFS takes a caller: as known, as unknown, or as anybody where auth is not active. Throws where it cannot tell. */
async function standingOf(pfs: PfsClient, options: CallOptions): Promise<'known' | 'unknown' | 'anybody'> {
  try {
    await pfs.whoAmI(options)
    return 'known'
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
    // Only pachd's own words will do: a server that has no such service says UNIMPLEMENTED too.
    if (error.refusal === 'auth-inactive') return 'anybody'
    if (error.status === 'UNAUTHENTICATED') return 'unknown'
    throw error
  }
}

/** What was found out of a token, and when that is to be asked again. */
interface Acquaintance {
  readonly isKnown: Promise<boolean>
  until: number
}

const maxTokens = 10_000
const knownMilliseconds = 60_000
const unknownMilliseconds = 5_000

/**
 * Whether PFS knows a token, or takes anybody. In Pachyderm's mode anyone can sign with a word of his own as access key
 * and secret key, so the signature alone lets nobody send a body or wait for a turn. PFS itself still decides each call.
 */
function createTokenCheck(pfs: PfsClient): (token: string) => Promise<boolean> {
  const tokens = createRecentMap<Acquaintance>(maxTokens, () => 1)
  return async (token) => {
    const known = tokens.get(token)
    if (known !== undefined && known.until > performance.now()) return known.isKnown
    const isKnown = standingOf(pfs, { authToken: token }).then((standing) => standing !== 'unknown')
    const acquaintance = { isKnown, until: Number.POSITIVE_INFINITY }
    tokens.set(token, acquaintance)
    try {
      acquaintance.until = performance.now() + ((await isKnown) ? knownMilliseconds : unknownMilliseconds)
    } catch (reason) {
      acquaintance.until = 0
      throw reason
    }
    return isKnown
  }
}
