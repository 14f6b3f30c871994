import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Fault } from './fault.js'
import { isObject, readNamedJson } from './files.js'

/** Where a pachd listens and what its certificate is checked with. */
export interface PachdAddress {
  readonly address: string
  /** Certificates in PEM, in place of Node's own list. */
  readonly caCertificates?: Buffer
  /** Where this was found, for messages. */
  readonly source: string
}

/**
 * The pachd of pachctl's active context, or undefined where pachctl has never been set up here. As for pachctl,
 * `PACH_CONFIG` names the file and `PACH_CONTEXT` another context than the active one.
 */
export function readPachctlConfig(env: NodeJS.ProcessEnv): PachdAddress | undefined {
  const file = env.PACH_CONFIG || join(homedir(), '.pachyderm', 'config.json')
  if (!env.PACH_CONFIG && !existsSync(file)) return undefined
  const config = objectAt(readNamedJson("pachctl's config file", file), 'v2')
  const name = env.PACH_CONTEXT || config.active_context
  if (typeof name !== 'string' || name === '') return undefined
  const context = objectAt(objectAt(config, 'contexts'), name)
  const source = `context ${JSON.stringify(name)} of ${file}`
  const address = context.pachd_address
  if (typeof address !== 'string' || address === '') {
    throw new Fault(`${source} names no pachd_address; give --pachd ADDRESS, or --memory`)
  }
  const caCertificates = context.server_cas
  if (typeof caCertificates !== 'string' || caCertificates === '') return { address, source }
  return { address, caCertificates: Buffer.from(caCertificates, 'base64'), source }
}

function objectAt(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const inner = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
  return isObject(inner) ? inner : {}
}
