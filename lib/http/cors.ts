import { S3Error } from '../errors.js'
import { type HttpRequest, header } from './request.js'
import type { Headers, S3Response } from './response.js'

/** Which pages of other origins may ask, in the words of S3's CORSRule. `*` in a pattern stands for any characters. */
export interface CorsRule {
  /** A pattern of bucket names; every bucket, and the list of buckets, where absent. */
  readonly bucket?: string | undefined
  /** Origins such as 'https://app.example.com', each with at most one `*`. */
  readonly allowedOrigins: readonly string[]
  /** Any of 'GET', 'PUT', 'HEAD', 'POST' and 'DELETE'. */
  readonly allowedMethods: readonly string[]
  /** Request headers, each with at most one `*`. */
  readonly allowedHeaders?: readonly string[] | undefined
  /** Response headers that a page may read. */
  readonly exposeHeaders?: readonly string[] | undefined
  /** How long a browser may keep the answer to a preflight. */
  readonly maxAgeSeconds?: number | undefined
}

/** The origin, method and headers of a request that a page wants to make. */
interface CrossOrigin {
  readonly origin: string
  readonly method: string
  readonly headers: readonly string[]
}

const vary = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'

/** Whether a request is a browser's question about another one. */
export function isPreflight(request: HttpRequest): boolean {
  return request.method === 'OPTIONS'
}

/** Answers a preflight by the first rule that allows what is asked; throws AccessForbidden, BadRequest. */
export function answerPreflight(
  rules: readonly CorsRule[],
  bucket: string | undefined,
  request: HttpRequest,
): S3Response {
  const origin = header(request, 'origin')
  const method = header(request, 'access-control-request-method')
  if (origin === undefined || method === undefined) {
    throw new S3Error('BadRequest', { message: 'Insufficient information. Origin request header needed.' })
  }
  const names = header(request, 'access-control-request-headers') ?? ''
  const headers = names
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  const rule = ruleFor(rules, bucket, { origin, method, headers })
  if (rule === undefined) throw new S3Error('AccessForbidden', { fields: { Method: method, ResourceType: 'OBJECT' } })
  return {
    status: 200,
    headers: {
      ...allowance(rule, origin),
      'access-control-allow-headers': headers.length === 0 ? undefined : headers.join(', '),
      'access-control-max-age': rule.maxAgeSeconds?.toString(),
    },
  }
}

/** The headers that let a page read the answer to its request; none where no rule allows it. */
export function corsHeaders(rules: readonly CorsRule[], bucket: string | undefined, request: HttpRequest): Headers {
  const origin = header(request, 'origin')
  if (origin === undefined) return {}
  const rule = ruleFor(rules, bucket, { origin, method: request.method, headers: [] })
  if (rule === undefined) return {}
  return { ...allowance(rule, origin), 'access-control-expose-headers': rule.exposeHeaders?.join(', ') }
}

function allowance(rule: CorsRule, origin: string): Headers {
  const anyOrigin = rule.allowedOrigins.includes('*')
  return {
    'access-control-allow-origin': anyOrigin ? '*' : origin,
    'access-control-allow-methods': rule.allowedMethods.join(', '),
    // A wildcard origin with credentials is what browsers refuse.
    'access-control-allow-credentials': anyOrigin ? undefined : 'true',
    vary,
  }
}

function ruleFor(rules: readonly CorsRule[], bucket: string | undefined, asked: CrossOrigin): CorsRule | undefined {
  return rules.find(
    (rule) =>
      (rule.bucket === undefined || (bucket !== undefined && matches(rule.bucket, bucket))) &&
      rule.allowedOrigins.some((pattern) => matches(pattern, asked.origin)) &&
      rule.allowedMethods.some((method) => method === asked.method) &&
      asked.headers.every((name) => rule.allowedHeaders?.some((pattern) => matches(pattern.toLowerCase(), name))),
  )
}

/** A `*` stands for any characters, all others for themselves. */
function matches(pattern: string, text: string): boolean {
  const [start = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return text === pattern
  let position = start.length
  if (!text.startsWith(start)) return false
  const end = rest.pop() ?? ''
  for (const part of rest) {
    const found = text.indexOf(part, position)
    if (found < 0) return false
    position = found + part.length
  }
  return text.length - end.length >= position && text.endsWith(end)
}
