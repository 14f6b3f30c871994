import { parseArgs } from 'node:util'
import { Fault, lineFrom } from './fault.js'

export interface HostAndPort {
  /** A host name or address; '' listens on all interfaces. */
  readonly host: string
  readonly port: number
}

export type AuthArgument =
  | { readonly mode: 'pachyderm' }
  | { readonly mode: 'none' }
  | { readonly mode: 'keys'; readonly file: string }

/** The values of `--log`. */
export const logFormats = ['json', 'pretty', 'off'] as const
export type LogFormat = (typeof logFormats)[number]

/** The values of `objectRecords`. */
type RecordMode = 'all' | 'needed' | 'off'

/** The values of `deleteVersions`. */
type VersionDeletion = 'hide' | 'refuse'

export interface Arguments {
  readonly listen: HostAndPort
  readonly memory: boolean
  readonly pachd?: string
  readonly rootToken?: string
  readonly servePfs?: HostAndPort
  readonly auth: AuthArgument
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  readonly log: LogFormat
  readonly printAddresses: boolean
  readonly domains: readonly string[]
  readonly bucketAliases: Readonly<Record<string, string>>
  readonly bucketSeparator?: string
  readonly objectRecords?: RecordMode
  readonly deleteVersions?: VersionDeletion
  readonly region?: string
  readonly basePath?: string
  /** Age at which unfinished uploads are deleted, in milliseconds; undefined never deletes them. */
  readonly sweepUploads?: number
  /** Seconds that running requests have to finish after SIGTERM or SIGINT. */
  readonly drainSeconds: number
}

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'serve'; readonly arguments: Arguments }

const options = {
  listen: { type: 'string' },
  memory: { type: 'boolean' },
  pachd: { type: 'string' },
  'root-token': { type: 'string' },
  'serve-pfs': { type: 'string' },
  auth: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  log: { type: 'string' },
  'print-addresses': { type: 'boolean' },
  domain: { type: 'string', multiple: true },
  'bucket-alias': { type: 'string', multiple: true },
  'bucket-separator': { type: 'string' },
  'object-records': { type: 'string' },
  'delete-versions': { type: 'string' },
  region: { type: 'string' },
  'base-path': { type: 'string' },
  'sweep-uploads': { type: 'string' },
  'drain-seconds': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** Parses the command-line arguments; throws a Fault that names the wrong one. */
export function parseArguments(words: readonly string[]): Command {
  const values = parseWords(words)
  if (values.help === true) return { name: 'help' }
  if (values.version === true) return { name: 'version' }
  for (const [name, value] of Object.entries(values)) {
    if ([value].flat().includes('')) throw new Fault(`--${name} needs a value`)
  }
  if (values.memory === true && values.pachd !== undefined) throw new Fault('--memory and --pachd exclude each other')
  const tls = tlsFrom(values['tls-cert'], values['tls-key'])
  return {
    name: 'serve',
    arguments: {
      listen: parseHostAndPort('listen', values.listen ?? '127.0.0.1:30600'),
      memory: values.memory === true,
      ...(values.pachd !== undefined && { pachd: values.pachd }),
      ...(values['root-token'] !== undefined && { rootToken: values['root-token'] }),
      ...(values['serve-pfs'] !== undefined && { servePfs: parseHostAndPort('serve-pfs', values['serve-pfs']) }),
      auth: parseAuth(values.auth ?? 'pachyderm'),
      ...(tls !== undefined && { tls }),
      log: parseLog(values.log ?? 'pretty'),
      printAddresses: values['print-addresses'] === true,
      domains: values.domain ?? [],
      bucketAliases: parseAliases(values['bucket-alias'] ?? []),
      ...(values['bucket-separator'] !== undefined && { bucketSeparator: values['bucket-separator'] }),
      ...(values['object-records'] !== undefined && { objectRecords: parseRecordMode(values['object-records']) }),
      ...(values['delete-versions'] !== undefined && { deleteVersions: parseDeletion(values['delete-versions']) }),
      ...(values.region !== undefined && { region: values.region }),
      ...(values['base-path'] !== undefined && { basePath: values['base-path'] }),
      ...(values['sweep-uploads'] !== undefined && { sweepUploads: parseAge(values['sweep-uploads']) }),
      drainSeconds: parseSeconds('drain-seconds', values['drain-seconds'] ?? '25'),
    },
  }
}

function parseRecordMode(text: string): RecordMode {
  if (text === 'all' || text === 'needed' || text === 'off') return text
  throw new Fault(`--object-records takes all, needed or off, not "${text}"`)
}

function parseDeletion(text: string): VersionDeletion {
  if (text === 'hide' || text === 'refuse') return text
  throw new Fault(`--delete-versions takes hide or refuse, not "${text}"`)
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values
  } catch (thrown) {
    // The text after the first sentence explains positional arguments, which this program does not have.
    const message = lineFrom(thrown).split('. ')[0] ?? ''
    const withoutValue = /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument (?:is ambiguous|missing)/.exec(
      message,
    )?.[1]
    if (withoutValue !== undefined) throw new Fault(`${withoutValue} needs a value`)
    const unknown = /^Unknown option '--?([^']+)'/.exec(message)?.[1]
    const meant = unknown === undefined ? undefined : nearestOption(unknown)
    throw new Fault(meant === undefined ? `${message}; see --help` : `${message}; did you mean --${meant}?`)
  }
}

/** Names of options in other programs, and the corresponding option here. */
const foreignNames: ReadonlyMap<string, keyof typeof options> = new Map([
  ['address', 'listen'],
  ['host', 'listen'],
  ['port', 'listen'],
  ['token', 'root-token'],
  ['v', 'version'],
  ['V', 'version'],
])

/** The option that was probably meant: at most a third of its letters differ. */
function nearestOption(unknown: string): string | undefined {
  const ranked = Object.keys(options)
    .map((name) => ({ name, distance: editDistance(unknown.toLowerCase().replaceAll('_', '-'), name) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  if (best !== undefined && best.distance <= best.name.length / 3) return best.name
  return foreignNames.get(unknown)
}

/** The Levenshtein distance, with a swap of two neighbours as one step (optimal string alignment). */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= from.length; row++) {
    rows[row] = [row]
    for (let column = 1; column <= to.length; column++) {
      const substitution = cell(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const swap = row > 1 && column > 1 && isSwap ? cell(row - 2, column - 2) + 1 : substitution
      rows[row]?.push(Math.min(cell(row - 1, column) + 1, cell(row, column - 1) + 1, substitution, swap))
    }
  }
  return cell(from.length, to.length)
}

/** Parses `HOST:PORT`, `:PORT` (all interfaces), or `PORT` (loopback). */
function parseHostAndPort(name: string, text: string): HostAndPort {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]/]*)):)?(\d+)$/i.exec(text)
  if (match === null) throw new Fault(`--${name} takes HOST:PORT, :PORT or PORT, not ${JSON.stringify(text)}`)
  const [, address, hostname, digits] = match
  const port = Number(digits)
  if (port > 65535) throw new Fault(`--${name}: a port is at most 65535, not ${digits}`)
  return { host: address ?? hostname ?? '127.0.0.1', port }
}

function parseAliases(texts: readonly string[]): Readonly<Record<string, string>> {
  const aliases = new Map<string, string>()
  for (const text of texts) {
    const [, alias, bucket] = /^([^=]+)=(.+)$/.exec(text) ?? []
    if (alias === undefined || bucket === undefined) {
      throw new Fault(`--bucket-alias takes ALIAS=BUCKET, not ${JSON.stringify(text)}`)
    }
    if (aliases.has(alias)) throw new Fault(`--bucket-alias names ${JSON.stringify(alias)} twice`)
    aliases.set(alias, bucket)
  }
  return Object.fromEntries(aliases)
}

function parseAuth(text: string): AuthArgument {
  if (text === 'pachyderm' || text === 'none') return { mode: text }
  if (/^keys:./.test(text)) return { mode: 'keys', file: text.slice('keys:'.length) }
  throw new Fault(`--auth takes pachyderm, none or keys:FILE, not ${JSON.stringify(text)}`)
}

function parseLog(text: string): LogFormat {
  const format = logFormats.find((known) => known === text)
  if (format === undefined) throw new Fault(`--log takes ${logFormats.join(', ')}, not ${JSON.stringify(text)}`)
  return format
}

const unitMilliseconds: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
])

function parseAge(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([dhms])$/.exec(text) ?? []
  const milliseconds = unitMilliseconds.get(unit)
  if (milliseconds === undefined)
    throw new Fault(`--sweep-uploads takes an age such as 7d, not ${JSON.stringify(text)}`)
  return Number(count) * milliseconds
}

function parseSeconds(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new Fault(`--${name} takes a whole number of seconds, not ${JSON.stringify(text)}`)
}

function tlsFrom(certFile: string | undefined, keyFile: string | undefined) {
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined || keyFile === undefined) throw new Fault('--tls-cert and --tls-key need each other')
  return { certFile, keyFile }
}
