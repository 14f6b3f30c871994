import type { AuthConfig } from './options.js'
import type { PfsClient } from './pfs/client.js'
import { PfsError } from './pfs/errors.js'
import type { Credential, CredentialSource } from './signature/credentials.js'

/** Where the credentials of a mode come from. */
export function createCredentialSource(config: AuthConfig, pfs: PfsClient): CredentialSource {
  switch (config.mode) {
    case 'pachyderm':
      return {
        credentialFor: async (accessKeyId) => ({ secretAccessKey: accessKeyId, authToken: accessKeyId }),
        anonymousAllowed: () => isAuthInactive(pfs),
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
  try {
    await pfs.whoAmI()
    return false
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
    // Only pachd's own words will do: a server that has no such service says UNIMPLEMENTED too.
    if (error.refusal === 'auth-inactive') return true
    if (error.status === 'UNAUTHENTICATED') return false
    throw error
  }
}
