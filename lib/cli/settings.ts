import { logFormats } from './program-log.js'

/** The type of a setting. Flags and the environment contain text, a configuration file contains typed values. */
export type SettingKind = 'text' | 'switch' | 'boolean' | 'number' | 'list' | 'map' | 'json'

/** A setting: a flag, a variable `PFS_S3_<NAME>`, and a name in the configuration file. */
export interface Setting {
  readonly kind: SettingKind
  /**
   * Without dashes; '' if there is no flag.
   *
   * @default the name, such as tls-cert for tlsCert
   */
  readonly flag?: string
  /** The placeholder of the value in `--help`. */
  readonly value?: string
  readonly help: string
  readonly default?: string | number | boolean
  /** The allowed values. */
  readonly choices?: readonly string[]
  /** The smallest number. @default 0 */
  readonly least?: number
  /** The largest number. @default no limit */
  readonly most?: number
  /** Another name of the environment variable. */
  readonly variable?: string
  readonly isSecret?: true
  /** Whether createS3Handler has an option of this name. */
  readonly isHandlerOption?: true
}

const ofHandler = { isHandlerOption: true } as const
const number = { kind: 'number', value: 'N' } as const
/** A longer delay than 2^31 - 1 milliseconds would end Node's timers at once. */
const seconds = { ...number, most: 2_147_483 } as const

/** All settings by name, grouped and ordered as in `--help`. */
export const groups = {
  'Address for S3 clients': {
    listen: {
      kind: 'text',
      value: 'HOST:PORT',
      help: ':PORT listens on all interfaces, PORT alone on loopback; port 0 chooses a free port',
      default: '127.0.0.1:30600',
    },
    tlsCert: {
      kind: 'text',
      value: 'FILE',
      help: 'serve https with this certificate chain (PEM); reread when it changes, and on SIGHUP',
    },
    tlsKey: { kind: 'text', value: 'FILE', help: 'and this private key (PEM)' },
    portFile: {
      kind: 'text',
      value: 'FILE',
      help: 'while listening, keep the addresses and the process id in FILE, as JSON: {"s3":"http://...","pid":...}, and with --serve-pfs or a pachd also "pfs":"grpc://..."',
    },
    printAddresses: {
      kind: 'switch',
      help: 'print the addresses to standard output, as one line of JSON',
    },
  },
  'Which PFS; by default the active context of pachctl, or memory if pachctl has no config file': {
    memory: { kind: 'switch', help: 'PFS in memory: its content is lost when the program exits' },
    pachd: {
      kind: 'text',
      value: 'ADDRESS',
      help: 'a pachd, such as grpc://localhost:30650 or grpcs://pach.example.com:443; also PACHD_ADDRESS',
      variable: 'PACHD_ADDRESS',
    },
    wait: {
      ...seconds,
      value: 'SECONDS',
      help: 'time limit for pachd to respond at startup',
      default: 0,
    },
    rootToken: {
      kind: 'text',
      value: 'TOKEN',
      help: "with PFS in memory: activate auth; TOKEN is the root user's",
      isSecret: true,
    },
    servePfs: {
      kind: 'text',
      value: 'HOST:PORT',
      help: 'with PFS in memory: also serve it over gRPC, like a pachd',
    },
  },
  Authentication: {
    auth: {
      kind: 'text',
      value: 'MODE',
      help: 'pachyderm: access key and secret key are both a Pachyderm token; if auth is not active in Pachyderm, any or no credentials are accepted\nkeys:FILE: access keys from a JSON file {"ACCESSKEY": {"secretAccessKey": "...", "authToken": "a Pachyderm token"}}, which `pfs-s3-gateway keys` can write; reread when it changes, and on SIGHUP\nnone: no authentication; if auth is active in Pachyderm, all requests use PACH_TOKEN, or --root-token',
      default: 'pachyderm',
    },
  },
  'Names and addresses': {
    domains: {
      kind: 'list',
      flag: 'domain',
      value: 'NAME',
      help: 'also serve buckets at BUCKET.NAME; may be repeated',
      ...ofHandler,
    },
    bucketAliases: {
      kind: 'map',
      flag: 'bucket-alias',
      value: 'ALIAS=BUCKET',
      help: 'another name for a bucket, such as training-data=master.images.vision; may be repeated',
      ...ofHandler,
    },
    bucketSeparator: {
      kind: 'text',
      value: 'TEXT',
      help: 'bucket names without dots: with --bucket-separator=--, master--images means master.images',
      ...ofHandler,
    },
    region: {
      kind: 'text',
      value: 'NAME',
      help: 'accept only signatures for this region',
      ...ofHandler,
    },
    basePath: {
      kind: 'text',
      value: 'PATH',
      help: 'path prefix of requests from a proxy, such as /s3',
      ...ofHandler,
    },
    trustForwardedHost: {
      kind: 'switch',
      help: 'trust X-Forwarded-Host and X-Forwarded-Proto, which a proxy must set',
      ...ofHandler,
    },
    cors: { kind: 'json', flag: '', help: 'CORS rules', ...ofHandler },
  },
  'Objects and writes': {
    objectRecords: {
      kind: 'text',
      value: 'all|needed|off',
      help: 'keep headers, metadata, tags and MD5 ETags of objects beside the data: for all writes, for writes that have any, or never (default all)',
      choices: ['all', 'needed', 'off'],
      ...ofHandler,
    },
    deleteVersions: {
      kind: 'text',
      value: 'hide|refuse',
      help: 'hide a version that a client deletes, which needs records, or refuse the request (default hide)',
      choices: ['hide', 'refuse'],
      ...ofHandler,
    },
    keyEncoding: {
      kind: 'text',
      value: 'percent|refuse',
      help: 'percent-encode keys that PFS does not allow, or refuse them (default percent)',
      choices: ['percent', 'refuse'],
      ...ofHandler,
    },
    shareCommits: {
      kind: 'boolean',
      value: 'true|false',
      help: 'let concurrent writes to a branch share a commit (default true)',
      ...ofHandler,
    },
    respondAfter: {
      kind: 'text',
      value: 'commit|finish',
      help: 'respond to a write after its commit, or after pachd has validated the commit (default commit)',
      choices: ['commit', 'finish'],
      ...ofHandler,
    },
    sweepUploads: {
      kind: 'text',
      value: 'AGE',
      help: 'delete multipart uploads that were not completed within AGE, such as 7d, at startup and every hour; if auth is active, with PACH_TOKEN, or --root-token',
    },
  },
  'Memory and limits': {
    cacheBytes: {
      ...number,
      help: 'size of the cache for small objects (default 64 MiB)',
      ...ofHandler,
    },
    maxSharedBodyBytes: {
      ...number,
      help: 'largest body that is buffered to share a commit (default 1 MiB)',
      ...ofHandler,
    },
    maxBufferedBytes: {
      ...number,
      help: 'limit of buffered request bodies in total; beyond it, requests get SlowDown (default 256 MiB)',
      ...ofHandler,
    },
    maxBodyBytes: {
      ...number,
      help: 'limit of a request body, also of a part of an upload; larger ones get EntityTooLarge (default no limit)',
      ...ofHandler,
    },
    bodyTimeoutMilliseconds: {
      ...number,
      help: 'time limit for the next 4 KiB of a body (default 60000)',
      ...ofHandler,
    },
    maxConnections: {
      ...number,
      least: 1,
      help: 'limit of open connections of a worker; more are closed at once (default no limit)',
    },
    maxHeaderBytes: {
      ...number,
      least: 1024,
      help: 'limit of the size of request headers; larger ones get 400',
      default: 16384,
    },
    headersSeconds: {
      ...seconds,
      help: 'time limit for receiving request headers',
      default: 60,
    },
    idleSeconds: {
      ...seconds,
      help: 'close connections without traffic after this time; 0 for never',
      default: 600,
    },
    keepAliveSeconds: {
      ...seconds,
      help: 'close idle connections after this time; must exceed the time limits of clients and load balancers',
      default: 120,
    },
  },
  'Running it': {
    workers: {
      ...number,
      least: 1,
      most: 256,
      help: 'number of processes that share the port, to use several cores; not with PFS in memory',
      default: 1,
    },
    drainDelaySeconds: {
      ...seconds,
      help: 'after SIGTERM, continue for this time while /readyz fails, so that load balancers notice',
      default: 0,
    },
    drainSeconds: {
      ...seconds,
      help: 'how long running requests may take to finish after SIGTERM or SIGINT',
      default: 25,
    },
    admin: {
      kind: 'text',
      value: 'HOST:PORT',
      help: 'serve /healthz, /readyz and /metrics (Prometheus) there',
    },
    log: {
      kind: 'text',
      value: logFormats.join('|'),
      help: 'print a line for each request to standard output, and everything else to standard error',
      choices: logFormats,
      default: 'text',
    },
    accessLog: {
      kind: 'text',
      value: 'FILE',
      help: 'append a line for each request in the format of S3 server access logs; - for standard output',
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Setting>>>>

type Groups = typeof groups
type NamesOf<Group> = Group extends Readonly<Record<infer Name, Setting>> ? Name : never
export type SettingName = { [Title in keyof Groups]: NamesOf<Groups[Title]> }[keyof Groups]

/** All settings by name. */
export const settings: Readonly<Record<SettingName, Setting & { readonly flag: string }>> = Object.assign(
  {},
  ...Object.values<Readonly<Record<string, Setting>>>(groups).flatMap((group) =>
    Object.entries(group).map(([name, setting]) => ({ [name]: { flag: kebabCase(name), ...setting } })),
  ),
)

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** The names of all settings. */
export const settingNames = Object.keys(settings) as readonly SettingName[]

/** The environment variable of a setting, such as PFS_S3_TLS_CERT. */
export function variableOf(name: string): string {
  return `PFS_S3_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}
