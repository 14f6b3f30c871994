import { logFormats } from './program-log.js'

/** How a value is written: on the command line and in the environment as text, in a configuration file as itself. */
export type SettingKind = 'text' | 'switch' | 'boolean' | 'number' | 'list' | 'map' | 'json'

/** One thing that can be set: by a flag, by `PFS_S3_<NAME>` or by its name in a configuration file. */
export interface Setting {
  readonly kind: SettingKind
  /**
   * Without its dashes; '' if it can be set in the environment and in a file only.
   *
   * @default the name, such as tls-cert for tlsCert
   */
  readonly flag?: string
  /** What `--help` shows for the value. */
  readonly value?: string
  readonly help: string
  readonly default?: string | number | boolean
  /** The values of a choice. */
  readonly choices?: readonly string[]
  /** The name in the environment beside `PFS_S3_<NAME>`. */
  readonly variable?: string
  readonly isSecret?: true
  /** Whether it is an option of createS3Handler of the same name. */
  readonly isHandlerOption?: true
}

const ofHandler = { isHandlerOption: true } as const
const number = { kind: 'number', value: 'N' } as const

/** All settings by name, in the groups and the order of `--help`. */
export const groups = {
  'Where S3 clients connect': {
    listen: {
      kind: 'text',
      value: 'HOST:PORT',
      help: ':PORT is every interface of this machine, PORT alone is loopback; port 0 takes a free one',
      default: '127.0.0.1:30600',
    },
    tlsCert: {
      kind: 'text',
      value: 'FILE',
      help: 'serve https with this certificate chain (PEM); read again when it changes, and on SIGHUP',
    },
    tlsKey: { kind: 'text', value: 'FILE', help: 'and this private key (PEM)' },
    portFile: {
      kind: 'text',
      value: 'FILE',
      help: 'once it listens, write where and its process id to FILE as JSON, and remove FILE at the end: {"s3":"http://...","pid":...}, and with --serve-pfs or a pachd also "pfs":"grpc://..."',
    },
    printAddresses: {
      kind: 'switch',
      help: 'write the same, without the process id, on standard output as one line',
    },
  },
  'Which PFS: without any of these, the active context of pachctl, or memory if pachctl is not set up': {
    memory: { kind: 'switch', help: 'PFS in this process: nothing is kept when it ends' },
    pachd: {
      kind: 'text',
      value: 'ADDRESS',
      help: 'a pachd, such as grpc://localhost:30650 or grpcs://pach.example.com:443; also PACHD_ADDRESS',
      variable: 'PACHD_ADDRESS',
    },
    wait: {
      kind: 'number',
      value: 'SECONDS',
      help: 'how long to wait at the start for a pachd that does not answer',
      default: 0,
    },
    rootToken: {
      kind: 'text',
      value: 'TOKEN',
      help: "in memory: switch auth on; TOKEN is the root user's",
      isSecret: true,
    },
    servePfs: {
      kind: 'text',
      value: 'HOST:PORT',
      help: 'in memory: serve it over gRPC as well, as a pachd would',
    },
  },
  'Who may do what': {
    auth: {
      kind: 'text',
      value: 'MODE',
      help: 'pachyderm: access key and secret key are both a Pachyderm token; if auth is not active in Pachyderm, any or no credentials pass\nkeys:FILE: access keys from a JSON file {"ACCESSKEY": {"secretAccessKey": "...", "authToken": "a Pachyderm token"}}; read again when it changes, and on SIGHUP\nnone: nobody is asked, and all act as the owner of PACH_TOKEN, or of --root-token',
      default: 'pachyderm',
    },
  },
  'Names and addresses': {
    domains: {
      kind: 'list',
      flag: 'domain',
      value: 'NAME',
      help: "also take bucket.NAME as the bucket's address; may be repeated",
      ...ofHandler,
    },
    bucketAliases: {
      kind: 'map',
      flag: 'bucket-alias',
      value: 'ALIAS=BUCKET',
      help: 'the bucket by a name without dots, such as training-data=master.images.vision; may be repeated',
      ...ofHandler,
    },
    bucketSeparator: {
      kind: 'text',
      value: 'TEXT',
      help: 'name buckets without dots: with --bucket-separator=--, master--images is master.images',
      ...ofHandler,
    },
    region: {
      kind: 'text',
      value: 'NAME',
      help: 'take signatures for this region only',
      ...ofHandler,
    },
    basePath: {
      kind: 'text',
      value: 'PATH',
      help: 'the prefix under which a proxy passes requests on, such as /s3',
      ...ofHandler,
    },
    trustForwardedHost: {
      kind: 'switch',
      help: 'a proxy in front sets X-Forwarded-Host and X-Forwarded-Proto: signatures are of that host',
      ...ofHandler,
    },
    cors: { kind: 'json', flag: '', help: 'rules for pages of other origins', ...ofHandler },
  },
  'Objects and writes': {
    objectRecords: {
      kind: 'text',
      value: 'all|needed|off',
      help: 'keep headers, metadata, tags and MD5 ETags of objects beside the data: for every write, for writes that have any, or not (default off)',
      choices: ['all', 'needed', 'off'],
      ...ofHandler,
    },
    deleteVersions: {
      kind: 'text',
      value: 'hide|refuse',
      help: 'with object records, whether a version that a client deletes is hidden, or the request is refused (default hide)',
      choices: ['hide', 'refuse'],
      ...ofHandler,
    },
    keyEncoding: {
      kind: 'text',
      value: 'percent|refuse',
      help: 'whether keys that PFS cannot hold are percent-encoded or refused (default percent)',
      choices: ['percent', 'refuse'],
      ...ofHandler,
    },
    shareCommits: {
      kind: 'boolean',
      value: 'true|false',
      help: 'whether writes to a branch at the same time share a commit (default true)',
      ...ofHandler,
    },
    respondAfter: {
      kind: 'text',
      value: 'commit|finish',
      help: 'answer a write when its commit is in, or when pachd has validated it (default commit)',
      choices: ['commit', 'finish'],
      ...ofHandler,
    },
    sweepUploads: {
      kind: 'text',
      value: 'AGE',
      help: 'remove multipart uploads that nobody has finished for that long, such as 7d, at the start and every hour; as the owner of PACH_TOKEN, or of --root-token',
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
      help: 'bodies up to this size are held in memory to share a commit (default 1 MiB)',
      ...ofHandler,
    },
    maxBufferedBytes: {
      ...number,
      help: 'bytes of all bodies in memory at once; more are answered SlowDown (default 256 MiB)',
      ...ofHandler,
    },
    bodyTimeoutMilliseconds: {
      ...number,
      help: 'time in which a client must send the next 4 KiB of a body (default 60000)',
      ...ofHandler,
    },
    maxConnections: {
      ...number,
      help: 'open connections of a worker; more are closed at once (default no limit)',
    },
    maxHeaderBytes: {
      ...number,
      help: 'size of the head of a request; a larger one is answered 431',
      default: 16384,
    },
    headersSeconds: {
      ...number,
      help: 'time in which a client must send the head of a request',
      default: 60,
    },
    idleSeconds: {
      ...number,
      help: 'a connection on which nothing moves for so long is closed; 0 for never',
      default: 600,
    },
    keepAliveSeconds: {
      ...number,
      help: 'how long a connection without a request stays open; longer than that of clients and load balancers',
      default: 120,
    },
  },
  'Running it': {
    workers: {
      kind: 'number',
      value: 'N',
      help: 'processes that share the port, for as many cores; not with PFS in memory',
      default: 1,
    },
    drainDelaySeconds: {
      kind: 'number',
      value: 'N',
      help: 'after SIGTERM, go on for so long with /readyz saying no, until load balancers have noticed',
      default: 0,
    },
    drainSeconds: {
      kind: 'number',
      value: 'N',
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
      help: 'a line for each request on standard output, everything else on standard error; json is for both',
      choices: logFormats,
      default: 'text',
    },
    accessLog: {
      kind: 'text',
      value: 'FILE',
      help: 'append a line for each request in the format of S3 server access logs; - is standard output',
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

/** The environment's name of a setting, such as PFS_S3_TLS_CERT. */
export function variableOf(name: string): string {
  return `PFS_S3_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}
