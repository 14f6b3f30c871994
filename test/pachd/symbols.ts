import { randomBytes } from 'node:crypto'
import type { Json, Message } from './recording.js'

/** `<commit:1>`, `<fileset:1>`, `<hash:1>`, `<token of …>`; a file set read as a commit was recorded as `<commit:1>.<64 hex digits>`. */
const symbolPattern = /<(?:(commit|fileset|hash):\d+|token of [^>]+)>(?:\.[0-9a-f]{64})?/g

/** The values of a recording's symbols in one replay: bound at their first use, and constant from then on. */
export class Symbols {
  readonly #values = new Map<string, string>()
  readonly #symbols = new Map<string, string>()
  #lastFileSet = ''

  /** The text with each symbol replaced; one that was never answered becomes an id that PFS does not know. */
  resolveText(text: string): string {
    return text.replace(symbolPattern, (symbol) => {
      const known = this.#values.get(symbol)
      if (known !== undefined) return known
      const value = symbol.includes('>.') ? this.#lastFileSet : unknownId()
      this.#bind(symbol, value)
      return value
    })
  }

  /** The value with the symbols in all its texts replaced. */
  resolve<T extends Json>(json: T): T {
    return JSON.parse(JSON.stringify(json), (_, value) => (typeof value === 'string' ? this.resolveText(value) : value))
  }

  /** Whether the recorded text and the answered one are the same; binds the symbols that are new. */
  matchText(recorded: string, answered: string): boolean {
    const symbols = [...recorded.matchAll(symbolPattern)].map(([symbol]) => symbol)
    const literals = recorded.split(
      new RegExp(symbolPattern.source.replace('(commit|fileset|hash)', '(?:commit|fileset|hash)')),
    )
    const pattern = literals.map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(\\S+?)')
    const match = new RegExp(`^${pattern}$`, 's').exec(answered)
    return match !== null && symbols.every((symbol, i) => this.#bind(symbol, match[i + 1] ?? ''))
  }

  #bind(symbol: string, value: string): boolean {
    const kind = /^<(\w+)/.exec(symbol)?.[1]
    if (kind === 'commit' && !/^[0-9a-f]{32}(\.[0-9a-f]{64})?$/.test(value)) return false
    const known = this.#values.get(symbol)
    // A file set has a symbol as an answer and another as a commit.
    const key = `${symbol.includes('>.')} ${value}`
    if (known !== undefined || this.#symbols.has(key)) return known === value && this.#symbols.get(key) === symbol
    this.#values.set(symbol, value)
    this.#symbols.set(key, symbol)
    if (kind === 'fileset') this.#lastFileSet = value
    return true
  }
}

/** An id as it was recorded: pachd's own are UUIDs of version 4, and it takes another for the name of a branch. */
function unknownId(): string {
  const digits = randomBytes(16).toString('hex')
  return `${digits.slice(0, 12)}f${digits.slice(13)}`
}

/** Where the answer differs from the recorded one, or undefined. */
export function difference(
  recorded: Json | undefined,
  answered: Json | undefined,
  symbols: Symbols,
  at = '',
): string | undefined {
  const differs = `${at}: recorded ${JSON.stringify(recorded)}, answered ${JSON.stringify(answered)}`
  if (typeof recorded === 'string' && typeof answered === 'string') {
    // One time was recorded as it was.
    if (answered === '<time>' && /^\d{4}-\d\d-\d\dT/.test(recorded)) return undefined
    return symbols.matchText(recorded, answered) ? undefined : differs
  }
  if (!isObject(recorded) || !isObject(answered)) return recorded === answered ? undefined : differs
  if (Array.isArray(recorded) !== Array.isArray(answered)) return differs
  const fields = new Set([...Object.keys(recorded), ...Object.keys(answered)])
  for (const field of fields) {
    const isUnordered = field === 'branches'
    const arrange = isUnordered ? sorted : field === 'permissions' ? permissionsOnRepos : (json?: Json) => json
    const one = arrange(isUnordered ? symbols.resolve(recorded[field] ?? []) : recorded[field])
    const other = arrange(answered[field])
    const found = difference(one, other, symbols, `${at}.${field}`)
    if (found) return found
  }
  return undefined
}

/** The branches of a repo come in no order that could be held. */
function sorted(json: Json = []): Json {
  return Array.isArray(json) ? json.map((item) => JSON.stringify(item)).sort() : json
}

/** Our `.proto` names the permissions on repos and pipelines only; the others arrive as numbers. */
function permissionsOnRepos(json: Json = []): Json {
  return Array.isArray(json) ? json.filter((name) => /^(REPO|PIPELINE)_/.test(String(name))) : json
}

function isObject(json: Json | undefined): json is Message {
  return typeof json === 'object' && json !== null
}
