import { type AuthConfig, type PfsClient, PfsError } from '../index.js'
import { Fault, isObject, lineFrom, readNamedJson } from './fault.js'

export interface AccessKey {
  readonly secretAccessKey: string
  /** The Pachyderm token for requests with this key; undefined if auth is not active. */
  readonly authToken?: string
}

/** Reads access keys by id from `{"ACCESSKEY": {"secretAccessKey": "…", "authToken": "…"}}`. */
export function readKeysFile(path: string): ReadonlyMap<string, AccessKey> {
  const content = readNamedJson('the keys file', path)
  if (!isObject(content)) throw new Fault(`the keys file ${path} is not a JSON object`)
  const keys = new Map(Object.entries(content).map(([id, entry]) => [id, parseAccessKey(path, id, entry)]))
  if (keys.size === 0) throw new Fault(`the keys file ${path} contains no access keys`)
  return keys
}

function parseAccessKey(path: string, id: string, entry: unknown): AccessKey {
  const where = `the keys file ${path}: ${JSON.stringify(id)}`
  if (id === '') throw new Fault(`${where} is not a valid access key`)
  if (!isObject(entry)) throw new Fault(`${where} is not an object`)
  const { secretAccessKey, authToken, ...others } = entry
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw new Fault(`${where} has an unknown property ${JSON.stringify(unknown)}`)
  if (typeof secretAccessKey !== 'string' || secretAccessKey === '') throw new Fault(`${where} has no secretAccessKey`)
  if (authToken === undefined) return { secretAccessKey }
  if (typeof authToken !== 'string' || authToken === '') throw new Fault(`${where} has an invalid authToken`)
  return { secretAccessKey, authToken }
}

/** Time limit for checking tokens with Pachyderm, in milliseconds. */
const askMilliseconds = 3000

/**
 * Prints a warning line for each token of the configuration that is missing or that Pachyderm does not accept. For
 * clusters with auth active.
 */
export async function warnOfTokens(
  pfs: Pick<PfsClient, 'whoAmI'>,
  authConfig: AuthConfig,
  keys: ReadonlyMap<string, AccessKey>,
  warn: (message: string) => void,
): Promise<void> {
  if (authConfig.mode === 'none' && authConfig.authToken === undefined) {
    warn('--auth none without PACH_TOKEN, so Pachyderm refuses all requests')
  }
  const ownToken = authConfig.mode === 'none' ? authConfig.authToken : undefined
  const signal = AbortSignal.timeout(askMilliseconds)
  const warnings = await Promise.all([
    ownToken === undefined ? undefined : warningOf('PACH_TOKEN, the token of --auth none', ownToken),
    ...[...keys].map(([id, { authToken }]) => {
      const key = `access key ${JSON.stringify(id)}`
      return authToken === undefined
        ? `${key} has no authToken, so Pachyderm refuses its requests`
        : warningOf(`the authToken of ${key}`, authToken)
    }),
  ])
  for (const warning of warnings) if (warning !== undefined) warn(warning)

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
