import type { ParseArgsConfig } from 'node:util'
import { type CommandHelp, nearest, parseWords } from './command-line.js'
import { Fault, isObject, lineFrom, readNamedFile } from './fault.js'
import { type SettingName, settingNames, settings, variableOf } from './settings.js'

/** A value and its source. */
export interface Given {
  readonly value: unknown
  /** Such as '--listen', 'PFS_S3_LISTEN' or 'listen in gateway.yaml'. */
  readonly source: string
  readonly place: 'flag' | 'environment' | 'file'
}

/** Values by the name of the setting. */
export type GivenSettings = ReadonlyMap<SettingName, Given>

/** The flags of the command line. */
export interface Flags {
  readonly help: boolean
  readonly version: boolean
  readonly printConfig: boolean
  readonly config: string | undefined
  readonly given: GivenSettings
  /** The value of a command's own flag; undefined if it is not given. */
  own(flag: string): string | undefined
}

/** A command that takes the flags of the gateway, and its own flags, each with a value. */
export interface FlagCommand extends CommandHelp {
  readonly own: readonly string[]
}

/** Names of flags in other programs, and the corresponding flag here. */
const foreignNames: ReadonlyMap<string, string> = new Map([
  ['address', 'listen'],
  ['host', 'listen'],
  ['port', 'listen'],
  ['token', 'root-token'],
  ['metrics', 'admin'],
  ['v', 'version'],
  ['V', 'version'],
])

const flagOptions = {
  ...Object.fromEntries(
    Object.values(settings)
      .filter(({ flag }) => flag !== '')
      .map(({ flag, kind }) => [
        flag,
        kind === 'switch'
          ? { type: 'boolean' as const }
          : { type: 'string' as const, multiple: kind === 'list' || kind === 'map' },
      ]),
  ),
  config: { type: 'string' as const, multiple: false },
  'print-config': { type: 'boolean' as const },
  help: { type: 'boolean' as const, short: 'h' },
  version: { type: 'boolean' as const },
}

/** Parses the command line; throws a Fault that names the wrong flag. */
export function readFlags(words: readonly string[], { own: ownFlags, ...command }: FlagCommand): Flags {
  const ownOptions: ParseArgsConfig['options'] = Object.fromEntries(ownFlags.map((flag) => [flag, { type: 'string' }]))
  const config = { args: [...words], options: { ...flagOptions, ...ownOptions }, allowPositionals: false }
  const { values }: { values: Readonly<Record<string, unknown>> } = parseWords(config, { foreignNames, ...command })
  const empty = Object.keys(values).find((flag) => [values[flag]].flat().includes(''))
  if (empty !== undefined) throw new Fault(`--${empty} needs a value`)
  const given = new Map<SettingName, Given>()
  for (const name of settingNames) {
    const { flag } = settings[name]
    const value = values[flag]
    if (value !== undefined) given.set(name, { value, source: `--${flag}`, place: 'flag' })
  }
  return {
    help: values.help === true,
    version: values.version === true,
    printConfig: values['print-config'] === true,
    config: textOf(values.config),
    given,
    own: (flag) => textOf(values[flag]),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Variables that Kubernetes sets for a Service whose name begins with pfs-s3. */
const ofService = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$/

/** Reads `PFS_S3_…` and PACHD_ADDRESS; ignores empty values. Throws a Fault for an unknown `PFS_S3_…`. */
export function readEnvironment(env: NodeJS.ProcessEnv): { readonly config?: string; readonly given: GivenSettings } {
  const given = new Map<SettingName, Given>()
  const known = new Set(['PFS_S3_CONFIG'])
  for (const name of settingNames) {
    const own = variableOf(name)
    known.add(own)
    const source = [own, settings[name].variable ?? own].find((variable) => env[variable])
    if (source !== undefined) given.set(name, { value: env[source], source, place: 'environment' })
  }
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('PFS_S3_') || known.has(variable) || ofService.test(variable)) continue
    const meant = nearest(variable, [...known])
    throw new Fault(`${variable} is not a setting${meant === undefined ? '; see --help' : `; did you mean ${meant}?`}`)
  }
  return { given, ...(env.PFS_S3_CONFIG && { config: env.PFS_S3_CONFIG }) }
}

/** Reads a JSON or YAML configuration file; throws a Fault that names the file. */
export async function readConfigFile(path: string): Promise<GivenSettings> {
  const text = readNamedFile('the configuration file', path).toString('utf8')
  const { isMap, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  // Pretty errors would quote the text, which may contain secrets.
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines })
  const [error] = document.errors
  if (error !== undefined) {
    throw new Fault(`${path}, line ${lines.linePos(error.pos[0]).line}: ${lineFrom(error)}`)
  }
  const content: unknown = document.toJS()
  if (content === null && text.trim() === '') return new Map()
  if (!isMap(document.contents) || !isObject(content)) {
    throw new Fault(`${path} must be an object of settings, such as {"listen": ":30600"}`)
  }
  const given = new Map<SettingName, Given>()
  for (const [key, value] of Object.entries(content)) {
    const name = settingNames.find((each) => each === key)
    if (name === undefined) {
      const meant = settingNames.find((each) => settings[each].flag === key) ?? nearest(key, settingNames)
      throw new Fault(
        `${path}: ${JSON.stringify(key)} is not a setting${meant === undefined ? '; docs/options.md has their names' : `; did you mean ${meant}?`}`,
      )
    }
    if (value !== null) given.set(name, { value, source: `${name} in ${path}`, place: 'file' })
  }
  return given
}

/** Merges settings; for each name, the first source wins. */
export function firstOf(...places: readonly GivenSettings[]): GivenSettings {
  return new Map(places.toReversed().flatMap((given) => [...given]))
}
