import type { S3HandlerOptions } from '../index.js'
import { Fault } from './fault.js'
import {
  type FlagCommand,
  type Flags,
  firstOf,
  type GivenSettings,
  readConfigFile,
  readEnvironment,
  readFlags,
} from './given.js'
import type { LogFormat } from './program-log.js'
import { type HostAndPort, SettingValues } from './setting-values.js'
import { type SettingName, settingNames, settings } from './settings.js'

export type AuthArgument =
  | { readonly mode: 'pachyderm' }
  | { readonly mode: 'none' }
  | { readonly mode: 'keys'; readonly file: string }

/** Limits of connections, in milliseconds and bytes. */
export interface Limits {
  readonly maxConnections: number | undefined
  readonly maxHeaderBytes: number
  readonly headersMilliseconds: number
  readonly idleMilliseconds: number
  readonly keepAliveMilliseconds: number
}

/** The settings of the program, from all sources. */
export interface Arguments {
  readonly listen: HostAndPort
  readonly memory: boolean
  readonly pachd?: { readonly address: string; readonly source: string }
  /** Time limit for pachd to respond at startup. */
  readonly waitMilliseconds: number
  readonly rootToken?: string
  readonly servePfs?: HostAndPort
  readonly auth: AuthArgument
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  readonly log: LogFormat
  readonly accessLog?: string
  readonly admin?: HostAndPort
  readonly portFile?: string
  readonly printAddresses: boolean
  readonly workers: number
  readonly limits: Limits
  /** Options for createS3Handler, which validates them. */
  readonly handlerOptions: S3HandlerOptions
  /** The source of each of these options, such as '--region'. */
  readonly optionSources: ReadonlyMap<string, string>
  /** Age at which unfinished uploads are deleted, in milliseconds; undefined never deletes them. */
  readonly sweepUploads?: number
  /** Seconds between SIGTERM, after which /readyz fails, and the start of draining. */
  readonly drainDelaySeconds: number
  /** Seconds that running requests have to finish while draining. */
  readonly drainSeconds: number
}

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'print-config'; readonly config: Readonly<Record<string, unknown>>; readonly arguments: Arguments }
  | { readonly name: 'serve'; readonly arguments: Arguments; readonly own: Flags['own'] }

const gateway: FlagCommand = { own: [], help: '--help', otherWords: ['doctor', 'presign', 'keys'] }

/**
 * Reads flags, environment and configuration file; throws a Fault that names the wrong source.
 *
 * @param command whose flags these are @default the gateway itself
 */
export async function parseArguments(
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  command: FlagCommand = gateway,
): Promise<Command> {
  const flags = readFlags(words, command)
  if (flags.help) return { name: 'help' }
  if (flags.version) return { name: 'version' }
  const environment = readEnvironment(env)
  const config = flags.config ?? environment.config
  const file: GivenSettings = config === undefined ? new Map() : await readConfigFile(config)
  const given = withoutLoser(firstOf(flags.given, environment.given, file))
  const checked = argumentsFrom(given)
  if (!flags.printConfig) return { name: 'serve', arguments: checked, own: flags.own }
  return { name: 'print-config', config: printable(new SettingValues(given)), arguments: checked }
}

/** Removes `memory` or `pachd`, whichever has the lower precedence. */
function withoutLoser(given: GivenSettings): GivenSettings {
  const memory = given.get('memory')
  const pachd = given.get('pachd')
  if (memory === undefined || pachd === undefined || String(memory.value) !== 'true') return given
  if (memory.place === pachd.place && pachd.source !== 'PACHD_ADDRESS') {
    throw new Fault(`${memory.source} and ${pachd.source} exclude each other`)
  }
  const places = ['flag', 'environment', 'file']
  const loser = places.indexOf(memory.place) <= places.indexOf(pachd.place) ? 'pachd' : 'memory'
  return new Map([...given].filter(([name]) => name !== loser))
}

function argumentsFrom(given: GivenSettings): Arguments {
  const values = new SettingValues(given)
  const pachd = values.given('pachd')
  const address = values.text('pachd')
  const rootToken = values.text('rootToken')
  const servePfs = values.hostAndPort('servePfs')
  const admin = values.hostAndPort('admin')
  const tls = tlsFrom(values)
  const accessLog = values.text('accessLog')
  const portFile = values.text('portFile')
  const sweepUploads = ageFrom(values)
  const handlerNames = settingNames.filter((name) => settings[name].isHandlerOption && given.has(name))
  const seconds = (name: SettingName): number => (values.number(name) ?? 0) * 1000
  return {
    listen: values.hostAndPort('listen') ?? { host: '127.0.0.1', port: 30600 },
    memory: values.boolean('memory') ?? false,
    ...(pachd !== undefined && address !== undefined && { pachd: { address, source: pachd.source } }),
    waitMilliseconds: seconds('wait'),
    ...(rootToken !== undefined && { rootToken }),
    ...(servePfs !== undefined && { servePfs }),
    auth: authFrom(values),
    ...(tls !== undefined && { tls }),
    log: values.text('log') as LogFormat,
    ...(accessLog !== undefined && { accessLog }),
    ...(admin !== undefined && { admin }),
    ...(portFile !== undefined && { portFile }),
    printAddresses: values.boolean('printAddresses') ?? false,
    workers: values.number('workers') ?? 1,
    limits: {
      maxConnections: values.number('maxConnections'),
      maxHeaderBytes: values.number('maxHeaderBytes') ?? 0,
      headersMilliseconds: seconds('headersSeconds'),
      idleMilliseconds: seconds('idleSeconds'),
      keepAliveMilliseconds: seconds('keepAliveSeconds'),
    },
    handlerOptions: Object.fromEntries(handlerNames.map((name) => [name, values.value(name)])),
    optionSources: new Map(handlerNames.map((name) => [name, values.given(name)?.source ?? name])),
    ...(sweepUploads !== undefined && { sweepUploads }),
    drainDelaySeconds: values.number('drainDelaySeconds') ?? 0,
    drainSeconds: values.number('drainSeconds') ?? 0,
  }
}

/** The effective settings, as a configuration file without secrets. */
function printable(values: SettingValues): Readonly<Record<string, unknown>> {
  const entries = settingNames.flatMap((name) => {
    const value = values.value(name)
    if (value === undefined) return []
    return [[name, settings[name].isSecret ? '...' : value] as const]
  })
  return Object.fromEntries(entries)
}

function authFrom(values: SettingValues): AuthArgument {
  const text = values.text('auth') ?? 'pachyderm'
  if (text === 'pachyderm' || text === 'none') return { mode: text }
  if (/^keys:./.test(text)) return { mode: 'keys', file: text.slice('keys:'.length) }
  throw new Fault(`${values.given('auth')?.source} takes pachyderm, none or keys:FILE, not ${JSON.stringify(text)}`)
}

function tlsFrom(values: SettingValues): Arguments['tls'] {
  const certFile = values.text('tlsCert')
  const keyFile = values.text('tlsKey')
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile }
  const one = values.given('tlsCert') ?? values.given('tlsKey')
  if (one === undefined) return undefined
  throw new Fault(`${one.source} needs ${certFile === undefined ? '--tls-cert' : '--tls-key'} as well`)
}

const unitMilliseconds: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
])

function ageFrom(values: SettingValues): number | undefined {
  const text = values.text('sweepUploads')
  if (text === undefined) return undefined
  const [, count, unit = ''] = /^(\d{1,6})([dhms])$/.exec(text) ?? []
  const milliseconds = unitMilliseconds.get(unit)
  if (milliseconds !== undefined) return Number(count) * milliseconds
  const { source } = values.given('sweepUploads') ?? {}
  throw new Fault(`${source} takes an age such as 7d, not ${JSON.stringify(text)}`)
}
