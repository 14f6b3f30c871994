import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createPfsClient, type GrpcPfsClient, type PfsClient, PfsError } from '../index.js'
import type { Arguments } from './arguments.js'
import { diagnosePachd } from './diagnosis.js'
import { Fault, isObject, knownReason, lineFrom, readNamedJson, reasonFrom } from './fault.js'
import type { ProgramLog } from './program-log.js'
import type { HostAndPort } from './setting-values.js'

export interface OpenPfs {
  readonly client: PfsClient
  /** The address for Pachyderm clients; undefined for PFS in memory that is not served. */
  readonly address?: string
  /** One line that describes this PFS. */
  readonly description: string
  /** A sample bucket; only with PFS in memory. */
  readonly bucketToTry?: string
  readonly authActive: boolean
  /** Whether it is a pachd, which can become unreachable. */
  readonly isRemote: boolean
  close(): Promise<void>
}

/** Time limit for reaching pachd at startup, in milliseconds. */
const reachMilliseconds = 3000

/** Pause between two attempts to reach pachd, in milliseconds. */
const retryMilliseconds = 1000

/** Opens the PFS of the arguments, the environment or pachctl's config file, and checks that it responds. */
export async function openPfs(args: Arguments, env: NodeJS.ProcessEnv, log: ProgramLog): Promise<OpenPfs> {
  const pachd = args.memory ? undefined : pachdAddress(args, env)
  if (pachd === undefined) return openMemoryPfs(args)
  const memoryOnly = args.rootToken !== undefined ? '--root-token' : args.servePfs && '--serve-pfs'
  if (memoryOnly !== undefined) {
    const advice = pachd.source === '--pachd' ? '' : '; give --memory as well'
    throw new Fault(`${memoryOnly} is for PFS in memory, but ${pachd.source} names a pachd${advice}`)
  }
  return waitForPachd(pachd, args.waitMilliseconds, log)
}

/** The pachd that the settings or pachctl's config file name; undefined for PFS in memory. */
export function pachdAddress(args: Pick<Arguments, 'pachd'>, env: NodeJS.ProcessEnv): PachdAddress | undefined {
  return args.pachd ?? readPachctlConfig(env)
}

/** pachd does not respond; a later attempt may succeed. */
class PachdAway extends Fault {}

/** Retries until pachd responds or the time is up. */
async function waitForPachd(pachd: PachdAddress, waitMilliseconds: number, log: ProgramLog): Promise<OpenPfs> {
  const until = performance.now() + waitMilliseconds
  for (let tries = 1; ; tries++) {
    try {
      return await openPachd(pachd)
    } catch (thrown) {
      if (!(thrown instanceof PachdAway) || performance.now() >= until) throw thrown
      if (tries === 1) log.say(`Waiting ${waitMilliseconds / 1000} seconds at most: ${thrown.message}`)
      await setTimeout(Math.min(retryMilliseconds, until - performance.now()))
    }
  }
}

/** Creates a client for pachd; throws a Fault for an invalid address. */
export function connectPachd({ address, caCertificates, source }: PachdAddress): GrpcPfsClient {
  try {
    return createPfsClient(address, { caCertificates })
  } catch (thrown) {
    throw new Fault(`${source}: ${lineFrom(thrown)}`)
  }
}

async function openPachd(pachd: PachdAddress): Promise<OpenPfs> {
  const { address, source } = pachd
  const client = connectPachd(pachd)
  try {
    const authActive = await isAuthActive(client)
    return {
      client,
      address,
      description: `pachd at ${address} (${source}), auth ${authActive ? 'active' : 'not active'}`,
      authActive,
      isRemote: true,
      close: async () => client.close(),
    }
  } catch (thrown) {
    client.close()
    throw new PachdAway(`pachd at ${address} (${source}) does not answer: ${await whyAway(pachd, thrown)}`)
  }
}

/** Explains why pachd does not respond, with a remedy if the cause is known. */
export async function whyAway({ address, caCertificates }: PachdAddress, thrown: unknown): Promise<string> {
  return knownReason(thrown) ?? (await diagnosePachd(address, caCertificates)) ?? reasonFrom(thrown)
}

/** Uses WhoAmI, the cheapest call to which every pachd responds. */
export async function isAuthActive(client: PfsClient): Promise<boolean> {
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
    isRemote: false,
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
export interface PachdAddress {
  readonly address: string
  /** PEM certificates to trust instead of Node's own list. */
  readonly caCertificates?: Buffer
  /** The token with which pachctl is logged in. */
  readonly authToken?: string
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
  const { server_cas: caCertificates, session_token: authToken } = context
  return {
    address,
    ...(typeof caCertificates === 'string' &&
      caCertificates !== '' && { caCertificates: Buffer.from(caCertificates, 'base64') }),
    ...(typeof authToken === 'string' && authToken !== '' && { authToken }),
    source,
  }
}

function objectAt(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const inner = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
  return isObject(inner) ? inner : {}
}
