import type { ErrorContext, ResponseLog } from './diagnostics.js'
import type { CorsRule } from './http/cors.js'
import type { KeyEncoding } from './resolver/key.js'
import type { Credential } from './signature/claim.js'

/** Who may pass. */
export type AuthConfig =
  /** Access key, secret key and Pachyderm token are one. Where auth is not active on the cluster, anybody passes. */
  | { readonly mode: 'pachyderm' }
  /** Access keys of our own, each with its secret and the Pachyderm token that PFS is asked with. */
  | {
      readonly mode: 'keys'
      /** The credential of an access key; undefined where there is none. */
      readonly secretFor: (accessKeyId: string) => Promise<Credential | undefined> | Credential | undefined
    }
  /** Anybody passes; `authToken` is what PFS is asked with. */
  | { readonly mode: 'none'; readonly authToken?: string | undefined }

/** How a handler behaves; each is optional. */
export interface S3HandlerOptions {
  /** The path under which the handler is mounted, for frameworks that do not take it off the URL, such as '/s3'; none unless given. */
  readonly basePath?: string | undefined
  /** The region that clients are told, 'us-east-1' unless given; given, signatures must name it. */
  readonly region?: string | undefined
  /** Hosts whose subdomains are buckets: 's3.example.com' makes `master.images.s3.example.com` one; none unless given. */
  readonly domains?: readonly string[] | undefined
  /** Whether `X-Forwarded-Host` stands for `Host`, and `X-Forwarded-Proto` for the scheme; only behind a proxy that sets them; false unless given. */
  readonly trustForwardedHost?: boolean | undefined
  /**
   * Buckets by names without dots, such as `{ 'training-data': 'master.images.vision' }`. An alias is listed in the place
   * of the bucket's own name and wins over a bucket of that name.
   *
   * @default {}
   */
  readonly bucketAliases?: Readonly<Record<string, string>> | undefined
  /**
   * Separates the parts of names without dots: with `--`, `master--images--vision` is `master.images.vision` and is listed
   * so. Names with dots stay valid.
   *
   * @default '.'
   */
  readonly bucketSeparator?: string | undefined
  /** Whether keys that PFS cannot hold are percent-encoded ('percent', the default) or refused. */
  readonly keyEncoding?: KeyEncoding | undefined
  /**
   * Whether writes to a branch at the same time share a commit; otherwise each has its own.
   *
   * @default true
   */
  readonly shareCommits?: boolean | undefined
  /**
   * When a write is answered: once its commit is in, or once pachd has finished and validated that commit.
   *
   * @default 'commit'
   */
  readonly respondAfter?: 'commit' | 'finish' | undefined
  /** Bodies of at most so many bytes are held in memory to share a commit; 1 MiB unless given. */
  readonly maxSharedBodyBytes?: number | undefined
  /** Bytes of small objects that are kept in memory for who has read them before; 64 MiB unless given, 0 for none. */
  readonly cacheBytes?: number | undefined
  /** Bytes of request bodies that may be in memory at once; more are answered SlowDown. @default 268435456 (256 MiB) */
  readonly maxBufferedBytes?: number | undefined
  /**
   * Whether headers, metadata, tags, MD5 ETags and times of objects are kept in records beside the data: for every write,
   * only for writes with something that PFS cannot hold, or never.
   *
   * @default 'off'
   */
  readonly objectRecords?: 'all' | 'needed' | 'off' | undefined
  /**
   * What a client gets that deletes a version: the version is hidden, or the request is refused. PFS's history does not
   * change. Without records it is always refused.
   *
   * @default 'hide'
   */
  readonly deleteVersions?: 'hide' | 'refuse' | undefined
  /** Which pages of other origins may ask; none unless given. */
  readonly cors?: readonly CorsRule[] | undefined
  /** How long a client may take for the next 4 KiB of a body; 60,000 milliseconds unless given. */
  readonly bodyTimeoutMilliseconds?: number | undefined
  /**
   * Called with a failure, for a log; its text is never sent to a client. `context` is undefined for work that no request
   * waits for.
   */
  readonly onError?: ((error: unknown, context?: ErrorContext) => void) | undefined
  /** Called once for each request, when it is over. */
  readonly onResponse?: ((log: ResponseLog) => void) | undefined
}

/** The options with their defaults filled in. */
export type Settings = {
  readonly [Name in keyof S3HandlerOptions]-?: Exclude<S3HandlerOptions[Name], undefined>
} & {
  /** The region that signatures must name; undefined for any. */
  readonly signingRegion: string | undefined
}

/** Most that may be held of one body: what a shared commit takes. */
const sharedCommitBytes = 32 * 1024 * 1024

/** Longest time that a timer of Node can be set to. */
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
  'objectRecords',
  'deleteVersions',
  'cors',
  'bodyTimeoutMilliseconds',
  'onError',
  'onResponse',
]

/** Checks options once and fills in what is left out; throws TypeError. */
export function readOptions(options: S3HandlerOptions = {}): Settings {
  requireKnown('The options of createS3Handler', options, optionNames)
  const { basePath = '', region, bodyTimeoutMilliseconds = 60_000 } = options
  if (basePath !== '' && !/^(\/[^/?#]+)+$/.test(basePath)) {
    throw new TypeError(`basePath must look like "/s3", without a slash at its end; it is ${shown(basePath)}`)
  }
  return {
    basePath,
    region: text('region', region ?? 'us-east-1'),
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
    objectRecords: oneOf('objectRecords', options.objectRecords ?? 'off', ['all', 'needed', 'off']),
    deleteVersions: oneOf('deleteVersions', options.deleteVersions ?? 'hide', ['hide', 'refuse']),
    cors: list('cors', options.cors ?? [], readCorsRule),
    bodyTimeoutMilliseconds: wholeNumber('bodyTimeoutMilliseconds', bodyTimeoutMilliseconds, maxMilliseconds),
    onError: functionOr('onError', options.onError, () => undefined),
    onResponse: functionOr('onResponse', options.onResponse, () => undefined),
  }
}

/** What is no host name, such as one with a port or a wildcard, would never be the end of a host. */
function domain(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[\w-]+(\.[\w-]+)*$/.test(value)) return value
  throw new TypeError(`${name} must be a host name such as "s3.example.com", without a port; it is ${shown(value)}`)
}

/** Whether a name can be an alias: S3's rules for buckets, without dots. */
const aliasPattern = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/

function readAliases(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`bucketAliases must be an object of bucket names by alias; it is ${shown(value)}`)
  }
  const entries = Object.entries(value).map(([alias, bucket]) => {
    if (aliasPattern.test(alias)) return [alias, text(`bucketAliases["${alias}"]`, bucket)] as const
    throw new TypeError(
      `bucketAliases: an alias has 3 to 63 lower-case letters, digits and hyphens, none at an end; one is ${shown(alias)}`,
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

/** Checks an AuthConfig; throws TypeError, so that a misspelt mode never leaves a server open. */
export function readAuthConfig(config: AuthConfig): AuthConfig {
  const mode: unknown = (config as { mode?: unknown } | undefined)?.mode
  oneOf('authConfig.mode', mode, ['pachyderm', 'keys', 'none'])
  requireKnown(`authConfig of mode ${config.mode}`, config, authConfigNames[config.mode])
  if (config.mode === 'keys' && typeof config.secretFor !== 'function') {
    throw new TypeError('authConfig.secretFor must be a function from an access key to its credential')
  }
  if (config.mode === 'none' && config.authToken !== undefined) text('authConfig.authToken', config.authToken)
  return config
}

const authConfigNames = {
  pachyderm: ['mode'],
  keys: ['mode', 'secretFor'],
  none: ['mode', 'authToken'],
} as const satisfies Record<AuthConfig['mode'], readonly string[]>

/** Throws TypeError for an option that `value` has and `names` does not: a misspelt one would be ignored. */
function requireKnown(what: string, value: object, names: readonly string[]): void {
  const unknown = Object.keys(value).filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new TypeError(`${what} has no ${unknown.join(', ')}; it has ${names.join(', ')}`)
}

/** A whole number from 0 on; throws TypeError. */
function wholeNumber(name: string, value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) return value
  throw new TypeError(`${name} must be a whole number from 0 to ${most}; it is ${shown(value)}`)
}

/** One of the choices; throws TypeError. */
function oneOf<const Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === value)
  if (choice !== undefined) return choice
  throw new TypeError(`${name} must be one of ${choices.join(', ')}; it is ${shown(value)}`)
}

/** A text that is not empty; throws TypeError. */
function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`${name} must be a text that is not empty; it is ${shown(value)}`)
}

/** True or false; throws TypeError. */
function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${name} must be true or false; it is ${shown(value)}`)
}

/** A list whose items `read` has checked under a name of their own; throws TypeError. */
function list<Item>(name: string, value: unknown, read: (name: string, item: unknown) => Item): readonly Item[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be a list; it is ${shown(value)}`)
  return value.map((item: unknown, index) => read(`${name}[${index}]`, item))
}

/** The function, or the one in its place where there is none; throws TypeError. */
function functionOr<F extends (...given: never[]) => unknown>(name: string, value: F | undefined, other: F): F {
  if (value === undefined) return other
  if (typeof value === 'function') return value
  throw new TypeError(`${name} must be a function; it is ${shown(value)}`)
}

/** An option as a message shows it. */
function shown(value: unknown): string {
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value))
}
