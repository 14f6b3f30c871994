/** Throws TypeError for an option that `value` has and `names` does not: a misspelt one would be ignored. */
export function requireKnown(what: string, value: object, names: readonly string[]): void {
  const unknown = Object.keys(value).filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new TypeError(`${what} has no ${unknown.join(', ')}; it has ${names.join(', ')}`)
}

/** A whole number from 0 on; throws TypeError. */
export function wholeNumber(name: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) return value
  throw new TypeError(`${name} must be a whole number from 0 to ${most}; it is ${shown(value)}`)
}

/** One of the choices; throws TypeError. */
export function oneOf<const Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === value)
  if (choice !== undefined) return choice
  throw new TypeError(`${name} must be one of ${choices.join(', ')}; it is ${shown(value)}`)
}

/** A text that is not empty; throws TypeError. */
export function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a text that is not empty; it is ${shown(value)}`)
}

/** True or false; throws TypeError. */
export function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${name} must be true or false; it is ${shown(value)}`)
}

/** A list whose items `read` has checked under a name of their own; throws TypeError. */
export function list<Item>(name: string, value: unknown, read: (name: string, item: unknown) => Item): readonly Item[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be a list; it is ${shown(value)}`)
  return value.map((item: unknown, index) => read(`${name}[${index}]`, item))
}

/** The function, or the one in its place where there is none; throws TypeError. */
export function functionOr<F extends (...given: never[]) => unknown>(name: string, value: F | undefined, other: F): F {
  if (value === undefined) return other
  if (typeof value === 'function') return value
  throw new TypeError(`${name} must be a function; it is ${shown(value)}`)
}

/** An option as a message shows it. */
export function shown(value: unknown): string {
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value))
}
