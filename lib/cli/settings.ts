import { logFormats } from './program-log.js'

/** How a value is written: on the command line and in the environment as text, in a configuration file as itself. */
export type SettingKind = 'text' | 'switch' | 'boolean' | 'number' | 'list' | 'map' | 'json'

/** One thing that can be set: by a flag, by `PFS_S3_<NAME>` or by its name in a configuration file. */
export interface Setting {
  readonly kind: SettingKind
  /** Without its dashes; '' if it can be set in the environment and in a file only. */
  readonly flag: string
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

/** All settings by name, in the groups and the order of `--help`. */
export const groups = {
  'Where S3 clients connect': {
    listen: {
      kind: 'text',
      flag: 'listen',
      value: 'HOST:PORT',
      help: ':PORT is every interface of this machine, PORT alone is loopback; port 0 takes a free one',
      default: '127.0.0.1:30600',
    },
    tlsCert: {
      kind: 'text',
      flag: 'tls-cert',
      value: 'FILE',
      help: 'serve https with this certificate chain (PEM); read again when it changes, and on SIGHUP',
    },
    tlsKey: { kind: 'text', flag: 'tls-key', value: 'FILE', help: 'and this private key (PEM)' },
    portFile: {
      kind: 'text',
      flag: 'port-file',
      value: 'FILE',
      help: 'once it listens, write where and its process id to FILE as JSON, and remove FILE at the end: {"s3":"http://...","pid":...}, and with --serve-pfs or a pachd also "pfs":"grpc://..."',
    },
    printAddresses: {
      kind: 'switch',
      flag: 'print-addresses',
      help: 'write the same, without the process id, on standard output as one line',
    },
  },
  'Which PFS: without any of these, the active context of pachctl, or memory if pachctl is not set up': {
    memory: { kind: 'switch', flag: 'memory', help: 'PFS in this process: nothing is kept when it ends' },
    pachd: {
      kind: 'text',
      flag: 'pachd',
      value: 'ADDRESS',
      help: 'a pachd, such as grpc://localhost:30650 or grpcs://pach.example.com:443; also PACHD_ADDRESS',
      variable: 'PACHD_ADDRESS',
    },
    wait: {
      kind: 'number',
      flag: 'wait',
      value: 'SECONDS',
      help: 'how long to wait at the start for a pachd that does not answer',
      default: 0,
    },
    rootToken: {
      kind: 'text',
      flag: 'root-token',
      value: 'TOKEN',
      help: "in memory: switch auth on; TOKEN is the root user's",
      isSecret: true,
    },
    servePfs: {
      kind: 'text',
      flag: 'serve-pfs',
      value: 'HOST:PORT',
      help: 'in memory: serve it over gRPC as well, as a pachd would',
    },
  },
  'Who may do what': {
    auth: {
      kind: 'text',
      flag: 'auth',
      value: 'MODE',
      help: 'pachyderm: access key and secret key are both a Pachyderm token; if auth is not active in Pachyderm, any or no credentials pass\nkeys:FILE: access keys from a JSON file {"ACCESSKEY": {"secretAccessKey": "...", "authToken": "a Pachyderm token"}}, which `pfs-s3-gateway keys` can write; read again when it changes, and on SIGHUP\nnone: nobody is asked, and all act as the owner of PACH_TOKEN, or of --root-token',
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
      flag: 'bucket-separator',
      value: 'TEXT',
      help: 'name buckets without dots: with --bucket-separator=--, master--images is master.images',
      ...ofHandler,
    },
    region: {
      kind: 'text',
      flag: 'region',
      value: 'NAME',
      help: 'take signatures for this region only',
      ...ofHandler,
    },
    basePath: {
      kind: 'text',
      flag: 'base-path',
      value: 'PATH',
      help: 'the prefix under which a proxy passes requests on, such as /s3',
      ...ofHandler,
    },
    trustForwardedHost: {
      kind: 'switch',
      flag: 'trust-forwarded-host',
      help: 'a proxy in front sets X-Forwarded-Host and X-Forwarded-Proto: signatures are of that host',
      ...ofHandler,
    },
    cors: { kind: 'json', flag: '', help: 'rules for pages of other origins', ...ofHandler },
  },
  'Objects and writes': {
    objectRecords: {
      kind: 'text',
      flag: 'object-records',
      value: 'all|needed|off',
      help: 'keep headers, metadata, tags and MD5 ETags of objects beside the data: for every write, for writes that have any, or not (default off)',
      choices: ['all', 'needed', 'off'],
      ...ofHandler,
    },
    deleteVersions: {
      kind: 'text',
      flag: 'delete-versions',
      value: 'hide|refuse',
      help: 'with object records, whether a version that a client deletes is hidden, or the request is refused (default hide)',
      choices: ['hide', 'refuse'],
      ...ofHandler,
    },
    keyEncoding: {
      kind: 'text',
      flag: 'key-encoding',
      value: 'percent|refuse',
      help: 'whether keys that PFS cannot hold are percent-encoded or refused (default percent)',
      choices: ['percent', 'refuse'],
      ...ofHandler,
    },
    shareCommits: {
      kind: 'boolean',
      flag: 'share-commits',
      value: 'true|false',
      help: 'whether writes to a branch at the same time share a commit (default true)',
      ...ofHandler,
    },
    respondAfter: {
      kind: 'text',
      flag: 'respond-after',
      value: 'commit|finish',
      help: 'answer a write when its commit is in, or when pachd has validated it (default commit)',
      choices: ['commit', 'finish'],
      ...ofHandler,
    },
    sweepUploads: {
      kind: 'text',
      flag: 'sweep-uploads',
      value: 'AGE',
      help: 'remove multipart uploads that nobody has finished for that long, such as 7d, at the start and every hour; as the owner of PACH_TOKEN, or of --root-token',
    },
  },
  'Memory and limits': {
    cacheBytes: {
      kind: 'number',
      flag: 'cache-bytes',
      value: 'N',
      help: 'size of the cache for small objects (default 64 MiB)',
      ...ofHandler,
    },
    maxSharedBodyBytes: {
      kind: 'number',
      flag: 'max-shared-body-bytes',
      value: 'N',
      help: 'bodies up to this size are held in memory to share a commit (default 1 MiB)',
      ...ofHandler,
    },
    maxBufferedBytes: {
      kind: 'number',
      flag: 'max-buffered-bytes',
      value: 'N',
      help: 'bytes of all bodies in memory at once; more are answered SlowDown (default 256 MiB)',
      ...ofHandler,
    },
    bodyTimeoutMilliseconds: {
      kind: 'number',
      flag: 'body-timeout-milliseconds',
      value: 'N',
      help: 'time in which a client must send the next 4 KiB of a body (default 60000)',
      ...ofHandler,
    },
    maxConnections: {
      kind: 'number',
      flag: 'max-connections',
      value: 'N',
      help: 'open connections of a worker; more are closed at once (default no limit)',
    },
    maxHeaderBytes: {
      kind: 'number',
      flag: 'max-header-bytes',
      value: 'N',
      help: 'size of the head of a request; a larger one is answered 431',
      default: 16384,
    },
    headersSeconds: {
      kind: 'number',
      flag: 'headers-seconds',
      value: 'N',
      help: 'time in which a client must send the head of a request',
      default: 60,
    },
    idleSeconds: {
      kind: 'number',
      flag: 'idle-seconds',
      value: 'N',
      help: 'a connection on which nothing moves for so long is closed; 0 for never',
      default: 600,
    },
    keepAliveSeconds: {
      kind: 'number',
      flag: 'keep-alive-seconds',
      value: 'N',
      help: 'how long a connection without a request stays open; longer than that of clients and load balancers',
      default: 120,
    },
  },
  'Running it': {
    workers: {
      kind: 'number',
      flag: 'workers',
      value: 'N',
      help: 'processes that share the port, for as many cores; not with PFS in memory',
      default: 1,
    },
    drainDelaySeconds: {
      kind: 'number',
      flag: 'drain-delay-seconds',
      value: 'N',
      help: 'after SIGTERM, go on for so long with /readyz saying no, until load balancers have noticed',
      default: 0,
    },
    drainSeconds: {
      kind: 'number',
      flag: 'drain-seconds',
      value: 'N',
      help: 'how long running requests may take to finish after SIGTERM or SIGINT',
      default: 25,
    },
    admin: {
      kind: 'text',
      flag: 'admin',
      value: 'HOST:PORT',
      help: 'serve /healthz, /readyz and /metrics (Prometheus) there',
    },
    log: {
      kind: 'text',
      flag: 'log',
      value: logFormats.join('|'),
      help: 'a line for each request on standard output, everything else on standard error; json is for both',
      choices: logFormats,
      default: 'text',
    },
    accessLog: {
      kind: 'text',
      flag: 'access-log',
      value: 'FILE',
      help: 'append a line for each request in the format of S3 server access logs; - is standard output',
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Setting>>>>

type Groups = typeof groups
type NamesOf<Group> = Group extends Readonly<Record<infer Name, Setting>> ? Name : never
export type SettingName = { [Title in keyof Groups]: NamesOf<Groups[Title]> }[keyof Groups]

/** All settings by name. */
export const settings: Readonly<Record<SettingName, Setting>> = Object.assign({}, ...Object.values(groups))

/** The names of all settings. */
export const settingNames = Object.keys(settings) as readonly SettingName[]

/** The environment's name of a setting, such as PFS_S3_TLS_CERT. */
export function variableOf(name: string): string {
  return `PFS_S3_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`
}
