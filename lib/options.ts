import { type ErrorContext, type ResponseLog, safeHook } from './diagnostics.js'
import type { CorsRule } from './http/cors.js'
import type { KeyEncoding } from './resolver/key.js'
import type { Credential } from './signature/claim.js'

/** How requests are authenticated. */
export type AuthConfig =
  /** Access key and secret key are both a Pachyderm token. If auth is not active on the cluster, everyone has access. */
  | { readonly mode: 'pachyderm' }
  /** Access keys of the gateway, each with a secret and the Pachyderm token for its requests. */
  | {
      readonly mode: 'keys'
      /** Returns the credential of an access key; undefined if the key is unknown. */
      readonly credentialFor: (accessKeyId: string) => Promise<Credential | undefined> | Credential | undefined
    }
  /** No authentication; all requests use `authToken`. */
  | { readonly mode: 'none'; readonly authToken?: string | undefined }

/**
 * Options of `createS3Handler`.
 *
 * @example
 * const options: S3HandlerOptions = { region: 'eu-central-1', domains: ['s3.example.com'], onError: console.error }
 */
export interface S3HandlerOptions {
  /** The path at which the handler is mounted, such as '/s3', for frameworks that keep it in the URL. @default '' */
  readonly basePath?: string | undefined
  /** Region reported to clients. If set, signatures must use it. @default 'us-east-1' */
  readonly region?: string | undefined
  /**
   * Hosts for virtual-hosted style: with 's3.example.com', `master.images.s3.example.com` addresses `master.images`.
   *
   * @default []
   */
  readonly domains?: readonly string[] | undefined
  /**
   * Whether to use `X-Forwarded-Host` as `Host`, and `X-Forwarded-Proto` as the scheme. Set it only behind a proxy that sets
   * these headers.
   *
   * @default false
   */
  readonly trustForwardedHost?: boolean | undefined
  /**
   * Names for buckets, such as `{ 'training-data': 'master.images.vision' }`. Listings show the alias instead of the regular
   * name, and the alias takes precedence over a bucket with that name.
   *
   * @default {}
   */
  readonly bucketAliases?: Readonly<Record<string, string>> | undefined
  /**
   * Separator for names without dots: with `--`, `master--images--vision` means `master.images.vision`, and listings use it.
   * Names with dots stay valid.
   *
   * @default '.'
   */
  readonly bucketSeparator?: string | undefined
  /** How to treat keys that are not valid PFS paths: percent-encode or refuse them. @default 'percent' */
  readonly keyEncoding?: KeyEncoding | undefined
  /** Whether concurrent writes to a branch share a commit; otherwise each write makes one. @default true */
  readonly shareCommits?: boolean | undefined
  /**
   * When a write gets its response: after its commit was made, or after pachd has also finished and validated it.
   *
   * @default 'commit'
   */
  readonly respondAfter?: 'commit' | 'finish' | undefined
  /** Largest body in bytes that is kept in memory to share a commit; others are staged. @default 1_048_576 (1 MiB) */
  readonly maxSharedBodyBytes?: number | undefined
  /**
   * Size of the cache for small objects, in bytes; 0 turns it off. Every read still checks permission and version with PFS.
   *
   * @default 67_108_864 (64 MiB)
   */
  readonly cacheBytes?: number | undefined
  /** Maximum bytes of request bodies in memory; further requests get SlowDown. @default 268_435_456 (256 MiB) */
  readonly maxBufferedBytes?: number | undefined
  /**
   * Largest request body in bytes, as it is sent; larger ones get EntityTooLarge. It applies to each part of an upload.
   *
   * @default no limit
   */
  readonly maxBodyBytes?: number | undefined
  /**
   * Which writes keep headers, metadata, tags, MD5 ETags and times in records beside the data: all, only those with
   * attributes that PFS cannot store, or none.
   *
   * @default 'all'
   */
  readonly objectRecords?: 'all' | 'needed' | 'off' | undefined
  /**
   * Whether the gateway hides a version that a client deletes, or refuses the request. PFS keeps all commits in any case.
   * Without records, it always refuses.
   *
   * @default 'hide'
   */
  readonly deleteVersions?: 'hide' | 'refuse' | undefined
  /** Cross-origin rules in the form of S3's CORSRule. @default [] */
  readonly cors?: readonly CorsRule[] | undefined
  /** Maximum milliseconds for the next 4 KiB of a body; slower clients get RequestTimeout. @default 60_000 */
  readonly bodyTimeoutMilliseconds?: number | undefined
  /** Called for each failure, for logging; not sent to clients. `context` is undefined for background work. */
  readonly onError?: ((error: unknown, context?: ErrorContext) => void) | undefined
  /** Called once for each request, when it has finished. */
  readonly onResponse?: ((log: ResponseLog) => void) | undefined
}

/** The options with their defaults. */
export type Settings = {
  readonly [Name in keyof S3HandlerOptions]-?: Exclude<S3HandlerOptions[Name], undefined>
} & {
  /** The region that signatures must use; undefined for any region. */
  readonly signingRegion: string | undefined
}

/** Upper limit of `maxSharedBodyBytes`: the size of a shared commit. */
const sharedCommitBytes = 32 * 1024 * 1024

/** Longest delay of a timer in Node. */
const maxMilliseconds = 2 ** 31 - 1

/** The names of the options. */
export const optionNames: readonly (keyof S3HandlerOptions)[] = [
  'basePath',
  'region',
  'domains',
  'trustForwardedHost',
  'bucketAliases',
  'bucketSeparator',
  'keyEncoding',
  'shareCommits',
  'respondAfter',
  'maxSharedBodyBytes',
  'cacheBytes',
  'maxBufferedBytes',
  'maxBodyBytes',
  'objectRecords',
  'deleteVersions',
  'cors',
  'bodyTimeoutMilliseconds',
  'onError',
  'onResponse',
]

/** Validates options and applies defaults; throws TypeError. */
export function readOptions(options: S3HandlerOptions = {}): Settings {
  requireKnown('The options of createS3Handler', options, optionNames)
  const { basePath = '', region, bodyTimeoutMilliseconds = 60_000 } = options
  return {
    basePath: matching('basePath', basePath, /^(\/[^/?#]+)*$/, 'look like "/s3", without a trailing slash'),
    // A signature's scope cannot contain a slash or a space.
    region: matching('region', region ?? 'us-east-1', /^[\w-]+$/, 'be a name such as "us-east-1"'),
    signingRegion: region,
    domains: list('domains', options.domains ?? [], domain),
    trustForwardedHost: flag('trustForwardedHost', options.trustForwardedHost ?? false),
    bucketAliases: readAliases(options.bucketAliases ?? {}),
    bucketSeparator: readSeparator(options.bucketSeparator ?? '.'),
    keyEncoding: oneOf('keyEncoding', options.keyEncoding ?? 'percent', ['percent', 'refuse']),
    shareCommits: flag('shareCommits', options.shareCommits ?? true),
    respondAfter: oneOf('respondAfter', options.respondAfter ?? 'commit', ['commit', 'finish']),
    maxSharedBodyBytes: wholeNumber('maxSharedBodyBytes', options.maxSharedBodyBytes ?? 1024 * 1024, sharedCommitBytes),
    cacheBytes: wholeNumber('cacheBytes', options.cacheBytes ?? 64 * 1024 * 1024),
    maxBufferedBytes: wholeNumber('maxBufferedBytes', options.maxBufferedBytes ?? 256 * 1024 * 1024),
    maxBodyBytes: wholeNumber('maxBodyBytes', options.maxBodyBytes ?? Number.MAX_SAFE_INTEGER),
    objectRecords: oneOf('objectRecords', options.objectRecords ?? 'all', ['all', 'needed', 'off']),
    deleteVersions: oneOf('deleteVersions', options.deleteVersions ?? 'hide', ['hide', 'refuse']),
    cors: list('cors', options.cors ?? [], readCorsRule),
    bodyTimeoutMilliseconds: wholeNumber('bodyTimeoutMilliseconds', bodyTimeoutMilliseconds, maxMilliseconds),
    onError: safeHook(functionOr('onError', options.onError, () => undefined)),
    onResponse: safeHook(functionOr('onResponse', options.onResponse, () => undefined)),
  }
}

/** Must be a bare host name: a port or wildcard would never match the Host header. */
function domain(name: string, value: unknown): string {
  return matching(name, value, /^[\w-]+(\.[\w-]+)*$/, 'be a host name such as "s3.example.com", without a port')
}

/** Valid aliases: S3's rules for bucket names, without dots. */
const aliasPattern = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/

function readAliases(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`bucketAliases must be an object of bucket names by alias; it is ${shown(value)}`)
  }
  const entries = Object.entries(value).map(([alias, bucket]) => {
    if (aliasPattern.test(alias)) return [alias, text(`bucketAliases["${alias}"]`, bucket)] as const
    throw new TypeError(
      `bucketAliases: an alias has 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end; got ${shown(alias)}`,
    )
  })
  return Object.fromEntries(entries)
}

function readSeparator(value: unknown): string {
  if (typeof value === 'string' && /^(\.|-[a-z0-9-]{0,8}-)$/.test(value)) return value
  throw new TypeError(
    `bucketSeparator must be "." or at most ten lower-case letters, digits and hyphens that begin and end with a hyphen, such as "--"; it is ${shown(value)}`,
  )
}

const ruleNames: readonly (keyof CorsRule)[] = [
  'bucket',
  'allowedOrigins',
  'allowedMethods',
  'allowedHeaders',
  'exposeHeaders',
  'maxAgeSeconds',
]

function readCorsRule(name: string, value: unknown): CorsRule {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} must be a rule; it is ${shown(value)}`)
  requireKnown(name, value, ruleNames)
  const { bucket, allowedOrigins, allowedMethods, allowedHeaders, exposeHeaders, maxAgeSeconds } =
    value as Partial<CorsRule>
  return {
    ...(bucket !== undefined && { bucket: text(`${name}.bucket`, bucket) }),
    allowedOrigins: list(`${name}.allowedOrigins`, allowedOrigins, text),
    allowedMethods: list(`${name}.allowedMethods`, allowedMethods, (each, method) =>
      oneOf(each, method, ['GET', 'PUT', 'HEAD', 'POST', 'DELETE']),
    ),
    ...(allowedHeaders && { allowedHeaders: list(`${name}.allowedHeaders`, allowedHeaders, text) }),
    ...(exposeHeaders && { exposeHeaders: list(`${name}.exposeHeaders`, exposeHeaders, text) }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds: wholeNumber(`${name}.maxAgeSeconds`, maxAgeSeconds) }),
  }
}

/** Validates an AuthConfig; throws TypeError, so that a misspelt mode never leaves a server open. */
export function readAuthConfig(config: AuthConfig): AuthConfig {
  const mode: unknown = (config as { mode?: unknown } | undefined)?.mode
  oneOf('authConfig.mode', mode, ['pachyderm', 'keys', 'none'])
  requireKnown(`authConfig of mode ${config.mode}`, config, authConfigNames[config.mode])
  if (config.mode === 'keys' && typeof config.credentialFor !== 'function') {
    throw new TypeError('authConfig.credentialFor must be a function from an access key to its credential')
  }
  if (config.mode === 'none' && config.authToken !== undefined) text('authConfig.authToken', config.authToken)
  return config
}

const authConfigNames = {
  pachyderm: ['mode'],
  keys: ['mode', 'credentialFor'],
  none: ['mode', 'authToken'],
} as const satisfies Record<AuthConfig['mode'], readonly string[]>

/** Throws TypeError for an unknown option, since a misspelt one would be ignored. */
function requireKnown(what: string, value: object, names: readonly string[]): void {
  const unknown = Object.keys(value).filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new TypeError(`${what} has no ${unknown.join(', ')}; it has ${names.join(', ')}`)
}

/** Requires an integer from 0 to `most`; throws TypeError. */
function wholeNumber(name: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) return value
  throw new TypeError(`${name} must be a whole number from 0 to ${most}; it is ${shown(value)}`)
}

/** Requires one of the choices; throws TypeError. */
function oneOf<const Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === value)
  if (choice !== undefined) return choice
  throw new TypeError(`${name} must be one of ${choices.join(', ')}; it is ${shown(value)}`)
}

/** Requires a non-empty string; throws TypeError. */
function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a non-empty string; it is ${shown(value)}`)
}

/** Requires a string of a pattern, which `must` describes; throws TypeError. */
function matching(name: string, value: unknown, pattern: RegExp, must: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new TypeError(`${name} must ${must}; it is ${shown(value)}`)
}

/** Requires a boolean; throws TypeError. */
function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${name} must be true or false; it is ${shown(value)}`)
}

/** Requires an array and checks its items with `read`, which gets a name for each; throws TypeError. */
function list<Item>(name: string, value: unknown, read: (name: string, item: unknown) => Item): readonly Item[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be a list; it is ${shown(value)}`)
  return value.map((item: unknown, index) => read(`${name}[${index}]`, item))
}

/** Requires a function, or returns `other` if undefined; throws TypeError. */
function functionOr<F extends (...given: never[]) => unknown>(name: string, value: F | undefined, other: F): F {
  if (value === undefined) return other
  if (typeof value === 'function') return value
  throw new TypeError(`${name} must be a function; it is ${shown(value)}`)
}

/** Formats an option for an error message. */
function shown(value: unknown): string {
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value))
}
