import { S3Error } from '../errors.js'
import { type HttpRequest, header, isHeaderName } from './request.js'
import type { Headers, S3Response } from './response.js'

/**
 * Cross-origin rule in the form of S3's CORSRule. In patterns, `*` matches any characters.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html
 * @example
 * { allowedOrigins: ['https://app.example.com'], allowedMethods: ['GET', 'PUT'], allowedHeaders: ['*'] }
 */
export interface CorsRule {
  /**
   * Pattern of bucket names that the rule applies to.
   *
   * @default every bucket, and ListBuckets
   */
  readonly bucket?: string | undefined
  /** Allowed origins, such as 'https://app.example.com'; each may contain one `*`. */
  readonly allowedOrigins: readonly string[]
  /** Allowed methods: 'GET', 'PUT', 'HEAD', 'POST' and 'DELETE'. */
  readonly allowedMethods: readonly string[]
  /**
   * Request headers that a page may send; each may contain one `*`.
   *
   * @default none
   */
  readonly allowedHeaders?: readonly string[] | undefined
  /**
   * Response headers that a page may read.
   *
   * @default none
   */
  readonly exposeHeaders?: readonly string[] | undefined
  /**
   * How long a browser may cache the response to a preflight, in seconds.
   *
   * @default the browser's own default
   */
  readonly maxAgeSeconds?: number | undefined
}

/** The request that a preflight asks about. */
interface CrossOrigin {
  readonly origin: string
  readonly method: string
  readonly headers: readonly string[]
}

/** The methods that a rule may allow. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])

const vary = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'

/** Whether a request is a CORS preflight. */
export function isPreflight(request: HttpRequest): boolean {
  return request.method === 'OPTIONS'
}

/** Answers a preflight by the first rule that allows it. @throws S3Error AccessForbidden, BadRequest */
export function answerPreflight(
  rules: readonly CorsRule[],
  bucket: string | undefined,
  request: HttpRequest,
): S3Response {
  const origin = header(request, 'origin') ?? ''
  const method = header(request, 'access-control-request-method') ?? ''
  if (origin === '') throw badRequest('Insufficient information. Origin request header needed.')
  if (!methods.has(method)) throw badRequest(`Invalid Access-Control-Request-Method: ${method}`)
  const names = header(request, 'access-control-request-headers') ?? ''
  const headers = names
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  const malformed = headers.find((name) => !isHeaderName(name))
  if (malformed !== undefined) throw badRequest(`Invalid Access-Control-Request-Headers: ${malformed}`)
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

function badRequest(message: string): S3Error {
  return new S3Error('BadRequest', { message })
}

/** The headers that let a page read the response to its request; empty if no rule allows the request. */
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
    // Browsers refuse credentials for a wildcard origin.
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

/** `*` matches any characters; every other character matches itself. */
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
