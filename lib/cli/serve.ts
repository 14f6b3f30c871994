import { setTimeout } from 'node:timers/promises'
import {
  type AuthConfig,
  type CallOptions,
  createS3Handler,
  type PfsClient,
  type S3Handler,
  type S3HandlerOptions,
  sweepUploads,
} from '../index.js'
import { openAccessLog } from './access-log.js'
import { startAdmin } from './admin.js'
import type { Arguments } from './arguments.js'
import { Fault, lineFrom } from './fault.js'
import { type AccessKey, readKeysFile, warnOfTokens } from './keys-file.js'
import type { Metrics } from './metrics.js'
import { watchPachd } from './pachd-watch.js'
import { connectPachd, type OpenPfs, openPfs } from './pfs.js'
import type { ProgramLog } from './program-log.js'
import { startReloading } from './reload.js'
import { createServer, listen, renewCertificate, stopServer, watchConnections } from './server.js'
import { type Welcome, welcomeFrom } from './welcome.js'

/** Time limit for the write-behind at exit, in milliseconds. */
const flushMilliseconds = 5000

/** A running gateway. */
export interface RunningGateway {
  /** The message to print once signal handlers are installed. */
  readonly welcome: Welcome
  /** Rereads the certificate and the keys file, and reopens the access log. */
  reload(): void
  /** Continues for `--drain-delay-seconds`, gives running requests `--drain-seconds` to finish, and closes everything. */
  stop(): Promise<void>
}

/** The role of this process among the workers. */
export interface ServeOptions {
  readonly version: string
  /** Whether this process deletes old uploads. */
  readonly isFirst: boolean
  /** Whether this process serves `--admin`; with workers, the primary process does. */
  readonly hasOwnAdmin: boolean
  /** Called at startup and when pachd becomes reachable or unreachable. */
  readonly onReached?: (isReached: boolean) => void
}

/** Starts the gateway; throws a Fault if that is impossible. */
export async function serve(
  args: Arguments,
  env: NodeJS.ProcessEnv,
  log: ProgramLog,
  options: ServeOptions,
): Promise<RunningGateway> {
  const ownOptions = ownCallOptions(args, env)
  const { auth, tls } = args
  let keys: ReadonlyMap<string, AccessKey> = new Map()
  const readKeys = (file: string): void => {
    keys = readKeysFile(file)
  }
  if (auth.mode === 'keys') readKeys(auth.file)
  const authConfig = authConfigFrom(args, (accessKeyId) => keys.get(accessKeyId), ownOptions)
  const accessLog = args.accessLog === undefined ? undefined : openAccessLog(args.accessLog, log.error)
  const metrics = args.admin === undefined ? undefined : await loadMetrics(options.version)
  const pfs = await openPfs(args, env, log)
  const closers: (() => unknown)[] = [() => pfs.close(), () => accessLog?.close()]
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer()
  }
  try {
    // It may have changed while pachd did not answer; changes from now on are noticed.
    if (auth.mode === 'keys') readKeys(auth.file)
    if (pfs.authActive) await warnOfTokens(pfs.client, authConfig, keys, (message) => log.warn(message))
    const handler = createHandler(args, pfs.client, authConfig, {
      onResponse: (entry) => {
        log.request(entry)
        accessLog?.write(entry)
      },
      onError: log.error,
    })
    const server = createServer(handler, tls, args.limits)
    const connections = watchConnections(server)
    metrics?.countConnections(server)
    const listening = await listen(server, args.listen)
    closers.push(() => stopServer(server))
    let isDraining = false
    const watch = watchOf(pfs, log, (isReached) => {
      metrics?.reached(isReached)
      options.onReached?.(isReached)
    })
    closers.push(watch.stop)
    const unready = (): string | undefined => {
      if (isDraining) return 'draining'
      return watch.isReached ? undefined : 'pachd was not reached'
    }
    if (args.admin !== undefined && metrics !== undefined && options.hasOwnAdmin) {
      closers.push(await startAdmin(args.admin, { unready, metrics }, log))
    }
    const reloads = startReloading(log, {
      ...(auth.mode === 'keys' && { 'keys file': { files: [auth.file], read: () => readKeys(auth.file) } }),
      ...(tls !== undefined && {
        certificate: { files: [tls.certFile, tls.keyFile], read: () => renewCertificate(server, tls) },
      }),
      ...(accessLog !== undefined && { 'access log': { files: [], read: accessLog.reopen } }),
    })
    closers.push(reloads.stop)
    if (args.sweepUploads !== undefined && options.isFirst) {
      closers.push(startSweeping(pfs.client, args.sweepUploads, ownOptions, log))
    }
    return {
      welcome: welcomeFrom(args, pfs, listening),
      reload: reloads.reload,
      async stop() {
        isDraining = true
        if (args.drainDelaySeconds > 0) await setTimeout(args.drainDelaySeconds * 1000)
        const cut = await connections.stop(args.drainSeconds * 1000)
        if (cut > 0) log.say(`Cut ${cut} ${cut === 1 ? 'request' : 'requests'} that did not finish in time.`)
        await Promise.race([handler.flush(), setTimeout(flushMilliseconds, undefined, { ref: false })])
        await close()
      },
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

async function loadMetrics(version: string): Promise<Metrics> {
  const { createMetrics } = await import('./metrics.js')
  return createMetrics(version)
}

/** PFS in memory is always reachable. */
function watchOf(pfs: OpenPfs, log: ProgramLog, onChange: (isReached: boolean) => void) {
  if (pfs.isRemote) return watchPachd(pfs.client, log, onChange)
  onChange(true)
  return { isReached: true, stop: () => undefined }
}

/** The token for the program's own PFS calls, and for requests without a client's token. */
function ownCallOptions({ rootToken }: Arguments, { PACH_TOKEN }: NodeJS.ProcessEnv): Pick<CallOptions, 'authToken'> {
  const authToken = PACH_TOKEN || rootToken
  return authToken === undefined ? {} : { authToken }
}

function authConfigFrom(
  { auth }: Arguments,
  keyOf: (accessKeyId: string) => AccessKey | undefined,
  ownOptions: Pick<CallOptions, 'authToken'>,
): AuthConfig {
  if (auth.mode === 'pachyderm') return auth
  if (auth.mode === 'none') return { ...auth, ...ownOptions }
  return { mode: 'keys', credentialFor: keyOf }
}

/** Throws a Fault for an invalid address of pachd or option of the handler; connects to nothing. */
export function checkOptions(args: Arguments): void {
  const unused = connectPachd(args.pachd ?? { address: 'grpc://localhost:30650', source: 'an example' })
  createHandler(args, unused, { mode: 'none' }, {})
  unused.close()
}

function createHandler(
  { handlerOptions, optionSources }: Arguments,
  pfs: PfsClient,
  authConfig: AuthConfig,
  hooks: Pick<S3HandlerOptions, 'onResponse' | 'onError'>,
): S3Handler {
  try {
    return createS3Handler(pfs, authConfig, { ...handlerOptions, ...hooks })
  } catch (thrown) {
    throw new Fault(withSource(lineFrom(thrown), optionSources))
  }
}

/** Replaces the option name at the start of a message with the source of its value. */
function withSource(message: string, sources: ReadonlyMap<string, string>): string {
  const [, option = ''] = /^(\w+)/.exec(message) ?? []
  const source = sources.get(option)
  const inFile = `${option} in `
  if (source?.startsWith(inFile)) return `${source.slice(inFile.length)}: ${message}`
  return source === undefined ? message : message.replace(/^\w+(\[\d+\])?/, source)
}

const hour = 60 * 60 * 1000

/** Deletes the remains of old multipart uploads now and every hour, and logs the result; returns a function to stop. */
function startSweeping(
  pfs: PfsClient,
  olderThanMilliseconds: number,
  options: CallOptions,
  log: ProgramLog,
): () => void {
  const sweep = async (): Promise<void> => {
    try {
      const { uploads, files } = await sweepUploads(pfs, { olderThanMilliseconds }, options)
      if (files > 0) log.say(`Swept ${uploads} unfinished uploads, ${files} files in all.`, { uploads, files })
    } catch (thrown) {
      log.error(new Error(`old uploads were not swept: ${lineFrom(thrown)}`, { cause: thrown }))
    }
  }
  const timer = setInterval(sweep, hour)
  void sweep()
  return () => clearInterval(timer)
}
