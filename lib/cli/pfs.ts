import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createPfsClient, type PfsClient, PfsError } from '../index.js'
import type { Arguments, HostAndPort } from './arguments.js'
import { diagnosePachd } from './diagnosis.js'
import { Fault, isObject, knownReason, lineFrom, readNamedJson, reasonFrom } from './fault.js'

export interface OpenPfs {
  readonly client: PfsClient
  /** The address for Pachyderm clients; undefined for PFS in memory that is not served. */
  readonly address?: string
  /** One line that describes this PFS. */
  readonly description: string
  /** A sample bucket; only with PFS in memory. */
  readonly bucketToTry?: string
  readonly authActive: boolean
  close(): Promise<void>
}

/** Time limit for reaching pachd at startup, in milliseconds. */
const reachMilliseconds = 3000

/** Opens the PFS of the arguments, the environment or pachctl's config file, and checks that it responds. */
export async function openPfs(args: Arguments, env: NodeJS.ProcessEnv): Promise<OpenPfs> {
  const pachd = args.memory ? undefined : pachdAddress(args, env)
  if (pachd === undefined) return openMemoryPfs(args)
  const memoryOnly = args.rootToken !== undefined ? '--root-token' : args.servePfs && '--serve-pfs'
  if (memoryOnly !== undefined) {
    const advice = args.pachd === undefined ? '; give --memory as well' : ''
    throw new Fault(`${memoryOnly} is for PFS in memory, but ${pachd.source} names a pachd${advice}`)
  }
  return openPachd(pachd)
}

function pachdAddress(args: Arguments, env: NodeJS.ProcessEnv): PachdAddress | undefined {
  if (args.pachd !== undefined) return { address: args.pachd, source: '--pachd' }
  if (env.PACHD_ADDRESS) return { address: env.PACHD_ADDRESS, source: 'PACHD_ADDRESS' }
  return readPachctlConfig(env)
}

async function openPachd({ address, caCertificates, source }: PachdAddress): Promise<OpenPfs> {
  const client = connect()
  try {
    const authActive = await isAuthActive(client)
    return {
      client,
      address,
      description: `pachd at ${address} (${source}), auth ${authActive ? 'active' : 'not active'}`,
      authActive,
      close: async () => client.close(),
    }
  } catch (thrown) {
    client.close()
    const reason = knownReason(thrown) ?? (await diagnosePachd(address, caCertificates)) ?? reasonFrom(thrown)
    throw new Fault(`pachd at ${address} (${source}) does not answer: ${reason}`)
  }

  function connect() {
    try {
      return createPfsClient(address, caCertificates === undefined ? {} : { caCertificates })
    } catch (thrown) {
      throw new Fault(`${source}: ${lineFrom(thrown)}`)
    }
  }
}

/** Uses WhoAmI, the cheapest call to which every pachd responds. */
async function isAuthActive(client: PfsClient): Promise<boolean> {
  try {
    await client.whoAmI({ signal: AbortSignal.timeout(reachMilliseconds) })
    return true
  } catch (thrown) {
    if (thrown instanceof PfsError && thrown.refusal === 'auth-inactive') return false
    if (thrown instanceof PfsError && thrown.status === 'UNAUTHENTICATED') return true
    if (thrown instanceof PfsError && thrown.status === 'CANCELLED') {
      throw new Error(`no answer within ${reachMilliseconds / 1000} seconds`)
    }
    throw thrown
  }
}

/** Only this loads PFS in memory, which a gateway in front of a pachd does not need. */
async function openMemoryPfs({ rootToken, servePfs: servedAt }: Arguments): Promise<OpenPfs> {
  const { createMemoryPfs, servePfs } = await import('../testing/index.js')
  const client = createMemoryPfs({ repos: { images: { master: {} } }, ...(rootToken !== undefined && { rootToken }) })
  const served = servedAt && (await serveAt(servedAt, (address) => servePfs(client, address)))
  const servedText = served === undefined ? '' : `, served over gRPC at ${served.address}`
  return {
    client,
    ...(served !== undefined && { address: served.address }),
    description: `in memory, gone when this program ends${servedText}`,
    bucketToTry: 'master.images',
    authActive: rootToken !== undefined,
    close: async () => served?.close(),
  }
}

/** Listens; a Fault names the address if that is not possible. */
async function serveAt<Served>({ host, port }: HostAndPort, listen: (address: string) => Promise<Served>) {
  const everywhere = '[::]'
  const address = host.includes(':') ? `[${host}]:${port}` : `${host || everywhere}:${port}`
  try {
    return await listen(address)
  } catch (thrown) {
    throw new Fault(`cannot serve PFS on ${address}: ${reasonFrom(thrown)}`)
  }
}

/** The address of pachd, and how to verify its certificate. */
interface PachdAddress {
  readonly address: string
  /** PEM certificates to trust instead of Node's own list. */
  readonly caCertificates?: Buffer
  /** The source of the address, for messages. */
  readonly source: string
}

/**
 * The pachd of pachctl's active context; undefined if pachctl has no config file. As for pachctl, `PACH_CONFIG` names the
 * file and `PACH_CONTEXT` another context.
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
