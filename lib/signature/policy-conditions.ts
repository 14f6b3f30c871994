import { S3Error } from '../errors.js'

/** One condition of a POST policy. */
export type PolicyCondition =
  | { readonly operation: 'eq' | 'starts-with'; readonly field: string; readonly value: string }
  | { readonly operation: 'content-length-range'; readonly min: number; readonly max: number }

/** A POST policy: its expiry and its conditions for the form. */
export interface Policy {
  /** Milliseconds since 1970. */
  readonly expiration: number
  readonly conditions: readonly PolicyCondition[]
}

/** The sizes that a policy allows, in bytes. */
export interface LengthLimits {
  readonly minLength?: number
  readonly maxLength?: number
}

/** Longest policy, in characters of base64; S3 limits the whole form to 20 KiB. */
const maxPolicy = 20 * 1024

/** Fields that need no condition. */
const uncovered = new Set(['x-amz-signature', 'file', 'policy', 'awsaccesskeyid', 'signature'])

/** Parses a base64-encoded JSON policy; throws InvalidPolicyDocument. */
export function parsePolicy(base64: string): Policy {
  if (base64.length > maxPolicy) throw invalidPolicy('Policy too large.')
  const document = parseObject(Buffer.from(base64, 'base64').toString('utf8'))
  const { expiration, conditions } = document
  if (expiration === undefined) throw invalidPolicy('Policy missing expiration.')
  if (!Array.isArray(conditions)) throw invalidPolicy('Policy missing conditions.')
  return { expiration: parseExpiration(expiration), conditions: conditions.map(parseCondition) }
}

/**
 * Checks a form against its policy and returns the allowed sizes.
 *
 * @param fields By lower-case name, including the bucket that the request addresses.
 * @throws S3Error AccessDenied if a condition fails or no condition covers a field.
 */
export function enforceConditions(policy: Policy, fields: ReadonlyMap<string, string>): LengthLimits {
  const covered = new Set<string>()
  let limits: LengthLimits = {}
  for (const condition of policy.conditions) {
    if (condition.operation === 'content-length-range') {
      limits = {
        minLength: Math.max(condition.min, limits.minLength ?? 0),
        maxLength: Math.min(condition.max, limits.maxLength ?? condition.max),
      }
      continue
    }
    covered.add(condition.field)
    if (!holds(condition, fields.get(condition.field))) {
      const parts = [condition.operation, `$${condition.field}`, condition.value].map((part) => JSON.stringify(part))
      throw againstPolicy(`Policy Condition failed: [${parts.join(', ')}]`)
    }
  }
  const extra = [...fields.keys()].filter(
    (name) => !covered.has(name) && !uncovered.has(name) && !name.startsWith('x-ignore-'),
  )
  if (extra.length > 0) throw againstPolicy(`Extra input fields: ${extra.join(', ')}`)
  return limits
}

/** AccessDenied for a form that its policy does not allow. */
export function againstPolicy(reason: string): S3Error {
  return new S3Error('AccessDenied', { message: `Invalid according to Policy: ${reason}` })
}

function holds(condition: { operation: string; field: string; value: string }, actual: string | undefined): boolean {
  if (actual === undefined) return false
  if (condition.operation === 'eq') return actual === condition.value
  // S3 treats a Content-Type with commas as a list; the condition applies to each item.
  const values = condition.field === 'content-type' ? actual.split(/, */) : [actual]
  return values.every((value) => value.startsWith(condition.value))
}

function parseObject(json: string): Record<string, unknown> {
  let document: unknown
  try {
    document = JSON.parse(json)
  } catch {
    throw invalidPolicy('Invalid JSON.')
  }
  if (!isObject(document)) throw invalidPolicy('Invalid JSON.')
  return document
}

function parseExpiration(value: unknown): number {
  const wellFormed = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value)
  const time = wellFormed ? Date.parse(value) : Number.NaN
  if (Number.isNaN(time))
    throw invalidPolicy(`Invalid 'expiration' value${typeof value === 'string' ? `: '${value}'` : ''}`)
  return time
}

function parseCondition(condition: unknown): PolicyCondition {
  if (Array.isArray(condition)) return parseListCondition(condition)
  if (!isObject(condition)) throw invalidPolicy('Invalid condition.')
  const [entry, ...more] = Object.entries(condition)
  if (entry === undefined || more.length > 0) {
    throw invalidPolicy('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.')
  }
  const [field, value] = entry
  if (typeof value !== 'string') throw invalidPolicy('Invalid Simple-Condition: value must be a string.')
  return { operation: 'eq', field: field.toLowerCase(), value }
}

function parseListCondition(condition: readonly unknown[]): PolicyCondition {
  const [name, first, second] = condition
  const operation = typeof name === 'string' ? name.toLowerCase() : ''
  if (condition.length !== 3) throw invalidPolicy(`Invalid condition: wrong number of arguments for '${operation}'.`)
  if (operation === 'content-length-range') return { operation, min: parseSize(first), max: parseSize(second) }
  if (operation !== 'eq' && operation !== 'starts-with') throw invalidPolicy(`Invalid condition: unknown operation.`)
  if (typeof first !== 'string' || !first.startsWith('$') || typeof second !== 'string') {
    throw invalidPolicy(`Invalid condition: '${operation}' takes a $field and a value.`)
  }
  return { operation, field: first.slice(1).toLowerCase(), value: second }
}

function parseSize(value: unknown): number {
  const size = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size
  throw invalidPolicy('Invalid content-length-range: lower and upper bound must be numbers of bytes.')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalidPolicy(reason: string): S3Error {
  return new S3Error('InvalidPolicyDocument', { message: `Invalid Policy: ${reason}` })
}
