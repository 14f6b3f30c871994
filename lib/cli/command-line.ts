import { type ParseArgsConfig, parseArgs } from 'node:util'
import { Fault, lineFrom } from './fault.js'

/** A command, for messages about its words. */
export interface CommandHelp {
  /** The words that print its help, such as 'presign --help'. */
  readonly help: string
  /** Names of options in other programs, and the corresponding option here. */
  readonly foreignNames?: ReadonlyMap<string, string>
  /** Words that it takes in the place of options, such as the names of commands. */
  readonly otherWords?: readonly string[]
}

/** Parses the words of a command line; throws a Fault that names the wrong word. */
export function parseWords<const Config extends ParseArgsConfig>(
  config: Config,
  command: CommandHelp,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs<Config>({ ...config, args: withNegativeValues(config.args ?? []), strict: true })
  } catch (thrown) {
    // The text after the first sentence explains positional arguments, which the user did not want.
    const message = lineFrom(thrown).split('. ')[0] ?? ''
    throw new Fault(messageFor(message, Object.keys(config.options ?? {}), command))
  }
}

/** Joins an option and a negative number, which would be taken for another option. */
function withNegativeValues(words: readonly string[]): string[] {
  const joined: string[] = []
  for (const word of words) {
    const before = joined.at(-1) ?? ''
    if (/^-[\d.]/.test(word) && /^--[\w-]+$/.test(before)) joined[joined.length - 1] = `${before}=${word}`
    else joined.push(word)
  }
  return joined
}

function messageFor(
  message: string,
  options: readonly string[],
  { help, foreignNames, otherWords = [] }: CommandHelp,
): string {
  const valueMissing = /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument (?:is ambiguous|missing)/.exec(
    message,
  )?.[1]
  if (valueMissing !== undefined) return `${valueMissing} needs a value`
  const unknown = /^Unknown option '--?([^']+)'/.exec(message)?.[1]
  if (unknown !== undefined) {
    const meant = nearest(unknown.replaceAll('_', '-'), options) ?? foreignNames?.get(unknown)
    return meant === undefined ? `${message}; see ${help}` : `${message}; did you mean --${meant}?`
  }
  const unexpected = /^Unexpected argument '([^']+)'/.exec(message)?.[1]
  const meant = unexpected === undefined ? undefined : nearest(unexpected, otherWords)
  return meant === undefined ? `${message}; see ${help}` : `${message}; did you mean ${meant}?`
}

/** Reads the value of `--endpoint`; throws a Fault if it is not the URL of an HTTP server. */
export function endpointFrom(text: string): URL {
  if (URL.canParse(text) && /^https?:/.test(text)) return new URL(text)
  throw new Fault(`--endpoint takes a URL such as https://s3.example.com, not ${JSON.stringify(text)}`)
}

/** The name that was probably meant; at most a third of its letters differ. */
export function nearest(misspelt: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(misspelt.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= best.name.length / 3 ? best.name : undefined
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
