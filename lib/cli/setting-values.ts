import { Fault, isObject } from './fault.js'
import type { Given, GivenSettings } from './given.js'
import { type SettingName, settings } from './settings.js'

/** A listening address. */
export interface HostAndPort {
  /** A host name or address; '' listens on all interfaces. */
  readonly host: string
  readonly port: number
}

/** Converts settings to typed values; throws a Fault that names the source of a wrong value. */
export class SettingValues {
  readonly #given: GivenSettings

  constructor(given: GivenSettings) {
    this.#given = given
  }

  /** The given value or the default; undefined if there is neither. */
  given(name: SettingName): Omit<Given, 'place'> | undefined {
    const { default: value, flag } = settings[name]
    return this.#given.get(name) ?? (value === undefined ? undefined : { value, source: `--${flag}` })
  }

  /** The value in the type of the setting; undefined if it has none. */
  value(name: SettingName): unknown {
    switch (settings[name].kind) {
      case 'text':
        return this.text(name)
      case 'number':
        return this.number(name)
      case 'switch':
      case 'boolean':
        return this.boolean(name)
      case 'list':
        return this.list(name)
      case 'map':
        return this.map(name)
      case 'json':
        return this.json(name)
    }
  }

  text(name: SettingName): string | undefined {
    const found = this.given(name)
    if (found === undefined) return undefined
    const { value, source } = found
    const { choices } = settings[name]
    const text = typeof value === 'number' ? String(value) : value
    const isValid = typeof text === 'string' && text !== '' && (choices?.includes(text) ?? true)
    if (isValid) return text
    throw new Fault(`${source} takes ${choices === undefined ? 'text' : alternatives(choices)}, not ${shown(value)}`)
  }

  number(name: SettingName): number | undefined {
    const found = this.given(name)
    if (found === undefined) return undefined
    const { value, source } = found
    const { least = 0, most = Number.MAX_SAFE_INTEGER } = settings[name]
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) return number
    throw new Fault(`${source} takes a whole number${unitOf(name)}${rangeOf(name)}, not ${shown(value)}`)
  }

  boolean(name: SettingName): boolean | undefined {
    const found = this.given(name)
    if (found === undefined) return undefined
    const { value, source } = found
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw new Fault(`${source} takes true or false, not ${shown(value)}`)
  }

  list(name: SettingName): readonly string[] | undefined {
    const found = this.given(name)
    if (found === undefined) return undefined
    const { value, source } = found
    const items: unknown = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value
    if (Array.isArray(items) && items.every((item) => typeof item === 'string')) return items
    throw new Fault(`${source} takes a list of texts, not ${shown(value)}`)
  }

  map(name: SettingName): Readonly<Record<string, string>> | undefined {
    const found = this.given(name)
    if (found === undefined) return undefined
    const { value, source } = found
    const isList = typeof value === 'string' || Array.isArray(value)
    if (!isList && !isObject(value)) throw new Fault(`${source} takes an object of texts, not ${shown(value)}`)
    const pairs = isList ? (this.list(name) ?? []).map((pair) => splitPair(source, pair)) : Object.entries(value)
    const map = new Map<string, string>()
    for (const [key, text] of pairs) {
      if (map.has(key)) throw new Fault(`${source} names ${shown(key)} twice`)
      if (typeof text !== 'string') throw new Fault(`${source}: ${key} must be text, not ${shown(text)}`)
      map.set(key, text)
    }
    return Object.fromEntries(map)
  }

  json(name: SettingName): unknown {
    const found = this.given(name)
    if (typeof found?.value !== 'string') return found?.value
    try {
      return JSON.parse(found.value)
    } catch {
      throw new Fault(`${found.source} takes JSON`)
    }
  }

  /** Parses `HOST:PORT`, `:PORT` (all interfaces), or `PORT` (loopback). */
  hostAndPort(name: SettingName): HostAndPort | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const source = this.given(name)?.source
    const match = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]/]*)):)?(\d+)$/i.exec(text)
    if (match === null) throw new Fault(`${source} takes HOST:PORT, :PORT or PORT, not ${shown(text)}`)
    const [, address, hostname, digits] = match
    const port = Number(digits)
    if (port > 65535) throw new Fault(`${source}: a port is at most 65535, not ${digits}`)
    return { host: address ?? hostname ?? '127.0.0.1', port }
  }
}

function splitPair(source: string, pair: string): readonly [string, string] {
  const [, key, text] = /^([^=]+)=(.+)$/.exec(pair) ?? []
  if (key === undefined || text === undefined) throw new Fault(`${source} takes ALIAS=BUCKET, not ${shown(pair)}`)
  return [key, text]
}

function unitOf(name: SettingName): string {
  const unit = /(Milliseconds|Seconds|Bytes)$/.exec(name)?.[1] ?? (name === 'wait' ? 'Seconds' : undefined)
  return unit === undefined ? '' : ` of ${unit.toLowerCase()}`
}

function rangeOf(name: SettingName): string {
  const { least, most } = settings[name]
  if (most !== undefined) return ` from ${least ?? 0} to ${most}`
  return least === undefined ? '' : `, at least ${least}`
}

function alternatives(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
}
