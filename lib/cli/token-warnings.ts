import { type AuthConfig, type PfsClient, PfsError } from '../index.js'
import { lineFrom } from './fault.js'
import type { AccessKey } from './keys-file.js'

/** Longest wait for what Pachyderm says of the tokens, in milliseconds. */
const askMilliseconds = 3000

/**
 * Warns of tokens of the configuration that are missing, or that Pachyderm does not accept, with one line for each. For a
 * cluster with auth active.
 */
export async function warnOfTokens(
  pfs: Pick<PfsClient, 'whoAmI'>,
  authConfig: AuthConfig,
  keys: ReadonlyMap<string, AccessKey>,
  say: (text: string) => void,
): Promise<void> {
  if (authConfig.mode === 'none' && authConfig.authToken === undefined) {
    say('warning: --auth none without PACH_TOKEN, so Pachyderm refuses all requests\n')
  }
  const ownToken = authConfig.mode === 'none' ? authConfig.authToken : undefined
  const signal = AbortSignal.timeout(askMilliseconds)
  const warnings = await Promise.all([
    ownToken === undefined ? undefined : warningOf('PACH_TOKEN, the token of --auth none', ownToken),
    ...[...keys].map(([id, { authToken }]) => {
      const key = `access key ${JSON.stringify(id)}`
      return authToken === undefined
        ? `${key} has no authToken, so Pachyderm refuses what it asks for`
        : warningOf(`the authToken of ${key}`, authToken)
    }),
  ])
  for (const warning of warnings) if (warning !== undefined) say(`warning: ${warning}\n`)

  async function warningOf(name: string, authToken: string): Promise<string | undefined> {
    try {
      await pfs.whoAmI({ authToken, signal })
      return undefined
    } catch (reason) {
      const isRefused = reason instanceof PfsError && reason.isOfToken
      return `${isRefused ? 'Pachyderm does not accept' : 'cannot ask Pachyderm about'} ${name}: ${lineFrom(reason)}`
    }
  }
}
