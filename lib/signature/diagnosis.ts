import { posix } from 'node:path'
import { withoutControls } from '../http/redaction.js'
import { type HttpRequest, header } from '../http/request.js'

/** Names the likely cause of a wrong signature; `matches` verifies the signature against a variant of the request. */
export type Diagnose = (request: HttpRequest, matches: (candidate: HttpRequest) => boolean) => string

/** Maximum diagnoses at once: each computes some thirty signatures, so callers must not trigger them at will. */
const maxDiagnoses = 10
const refillMilliseconds = 1000
/** Longest path and query to diagnose, in characters. */
const maxDiagnosedLength = 4096

/** `likelyCause` with a rate limit: ten at once, then one a second. `now` is a clock in milliseconds. */
export function limitDiagnoses(now: () => number = () => performance.now()): Diagnose {
  let left = maxDiagnoses
  let refilled = now()
  return (request, matches) => {
    if (request.rawPath.length + request.rawQuery.length > maxDiagnosedLength) return 'unknown: the request is too long'
    const refills = Math.floor((now() - refilled) / refillMilliseconds)
    left = Math.min(maxDiagnoses, left + refills)
    refilled += refills * refillMilliseconds
    if (left === 0) return 'unknown: too many wrong signatures in the last seconds'
    left -= 1
    return likelyCause(request, matches)
  }
}

/** The request as a client may have signed it before something changed it in transit. */
interface Variant {
  readonly cause: string
  readonly request: HttpRequest
}

/**
 * Names the likely reason of a wrong signature for the log: tries variants of the request as it may have been before a
 * proxy changed it. `matches` verifies the signature against a variant.
 */
export function likelyCause(request: HttpRequest, matches: (candidate: HttpRequest) => boolean): string {
  for (const variant of variants(request)) {
    if (matchesSafely(variant.request, matches)) return withoutControls(variant.cause)
  }
  return 'no change of path or host explains it: most likely the secret access key is wrong, or a signed header was changed in transit'
}

/** The path of a variant may fail to decode; then the variant does not match. */
function matchesSafely(candidate: HttpRequest, matches: (candidate: HttpRequest) => boolean): boolean {
  try {
    return matches(candidate)
  } catch {
    return false
  }
}

function* variants(request: HttpRequest): Generator<Variant> {
  const paths = [...pathVariants(request)]
  yield* paths
  yield* hostVariants(request)
  const forwardedHost = firstValue(request, 'x-forwarded-host')
  if (forwardedHost === undefined) return
  // Proxies that remove a prefix often change the host as well.
  for (const path of paths) yield signedHost(path.request, forwardedHost, `${path.cause}; and `)
}

function* pathVariants(request: HttpRequest): Generator<Variant> {
  const { rawPath } = request
  const variant = (cause: string, path: string): Variant => ({ cause, request: { ...request, rawPath: path } })
  const prefix = firstValue(request, 'x-forwarded-prefix')?.replace(/\/$/, '')
  if (prefix) yield variant(`the client signed the prefix ${prefix}, which was removed in transit`, prefix + rawPath)
  yield* mountPrefixes(rawPath, variant)
  const label = hostOf(request)?.split('.')[0]
  if (label) {
    yield variant(
      `the client signed virtual-hosted style, but no domain is configured for its host`,
      `/${label}${rawPath}`,
    )
  }
  yield variant('the path was decoded in transit, or the client encoded it twice', rawPath.replaceAll('%', '%25'))
  yield variant('the client signed the decoded path', decoded(rawPath))
  yield variant('the client signed the normalised path; S3 does not normalise', posix.normalize(rawPath))
}

/** Mount prefixes have few segments; the limit keeps long paths cheap. */
function* mountPrefixes(rawPath: string, variant: (cause: string, path: string) => Variant): Generator<Variant> {
  let prefix = ''
  for (const segment of rawPath.split('/', 4).slice(1)) {
    prefix += `/${segment}`
    yield variant(`the client signed the path without the mount prefix ${prefix}`, rawPath.slice(prefix.length))
  }
}

function* hostVariants(request: HttpRequest): Generator<Variant> {
  const host = hostOf(request)
  const forwarded = firstValue(request, 'x-forwarded-host')
  const name = host?.replace(/:\d+$/, '')
  for (const candidate of new Set([forwarded, name, `${name}:80`, `${name}:443`, forwarded?.replace(/:\d+$/, '')])) {
    if (candidate !== undefined && candidate !== host) yield signedHost(request, candidate)
  }
}

function signedHost(request: HttpRequest, host: string, before = ''): Variant {
  return {
    cause: `${before}the Host header was changed in transit: the client signed ${host}`,
    request: { ...request, headers: new Map([...request.headers, ['host', [host]]]) },
  }
}

function hostOf(request: HttpRequest): string | undefined {
  return header(request, 'host') ?? header(request, ':authority')
}

function firstValue(request: HttpRequest, name: string): string | undefined {
  return header(request, name)?.split(',')[0]?.trim()
}

/** The bytes of the decoded path, as Latin-1; the path itself if it cannot be decoded. */
function decoded(rawPath: string): string {
  try {
    return Buffer.from(decodeURIComponent(rawPath), 'utf8').toString('latin1')
  } catch {
    return rawPath
  }
}
