import { setTimeout } from 'node:timers/promises'
import {
  type AuthConfig,
  type CallOptions,
  createS3Handler,
  type PfsClient,
  type ResponseLog,
  type S3Handler,
  sweepUploads,
} from '../index.js'
import type { Arguments, LogFormat } from './arguments.js'
import { Fault, lineFrom } from './fault.js'
import { type AccessKey, readKeysFile, warnOfTokens } from './keys-file.js'
import { openPfs } from './pfs.js'
import { createServer, listen, watchConnections } from './server.js'
import { addressesLine, welcomeText } from './welcome.js'

/** Output streams of the program: the log, and messages about itself. */
interface Output {
  log(text: string): void
  say(text: string): void
}

/** Time limit for the write-behind at exit, in milliseconds. */
const flushMilliseconds = 5000

/** A running gateway; `stop` gives running requests `--drain-seconds` to finish and then closes everything. */
interface RunningGateway {
  /** The message to print once signal handlers are installed. */
  readonly welcome: string
  /** The output of `--print-addresses`; '' without it. */
  readonly addresses: string
  stop(): Promise<void>
}

/** Starts the gateway; throws a Fault if that is impossible. */
export async function serve(args: Arguments, env: NodeJS.ProcessEnv, output: Output): Promise<RunningGateway> {
  const ownOptions = ownCallOptions(args, env)
  const keys = args.auth.mode === 'keys' ? readKeysFile(args.auth.file) : new Map<string, AccessKey>()
  const authConfig = authConfigFrom(args, keys, ownOptions)
  const pfs = await openPfs(args, env)
  try {
    if (pfs.authActive) await warnOfTokens(pfs.client, authConfig, keys, output.say)
    const handler = createHandler(args, pfs.client, authConfig, output)
    const server = createServer(handler, args.tls)
    const connections = watchConnections(server)
    const listening = await listen(server, args.listen)
    const stopSweeping =
      args.sweepUploads === undefined ? undefined : startSweeping(pfs.client, args.sweepUploads, ownOptions, output.say)
    return {
      welcome: welcomeText(args, pfs, listening),
      addresses: args.printAddresses ? addressesLine(args, pfs, listening) : '',
      async stop() {
        output.say(
          `Stopping: running requests have ${args.drainSeconds} seconds to finish; another signal ends them now.\n`,
        )
        stopSweeping?.()
        const cut = await connections.stop(args.drainSeconds * 1000)
        if (cut > 0) output.say(`Cut ${cut} ${cut === 1 ? 'request' : 'requests'} that did not finish in time.\n`)
        await Promise.race([handler.flush(), setTimeout(flushMilliseconds, undefined, { ref: false })])
        await pfs.close()
      },
    }
  } catch (thrown) {
    await pfs.close()
    throw thrown
  }
}

/** The token for the program's own PFS calls, and for requests without a client's token. */
function ownCallOptions({ rootToken }: Arguments, { PACH_TOKEN }: NodeJS.ProcessEnv): Pick<CallOptions, 'authToken'> {
  const authToken = PACH_TOKEN || rootToken
  return authToken === undefined ? {} : { authToken }
}

function authConfigFrom(
  { auth }: Arguments,
  keys: ReadonlyMap<string, AccessKey>,
  ownOptions: Pick<CallOptions, 'authToken'>,
): AuthConfig {
  if (auth.mode === 'pachyderm') return auth
  if (auth.mode === 'none') return { ...auth, ...ownOptions }
  return { mode: 'keys', credentialFor: async (accessKeyId) => keys.get(accessKeyId) }
}

/** The flag of each handler option, for error messages. */
const flagOfOption: ReadonlyMap<string, string> = new Map([
  ['basePath', '--base-path'],
  ['bucketAliases', '--bucket-alias'],
  ['bucketSeparator', '--bucket-separator'],
  ['domains', '--domain'],
  ['region', '--region'],
])

function createHandler(args: Arguments, pfs: PfsClient, authConfig: AuthConfig, output: Output): S3Handler {
  const onResponse = createLog(args.log, output.log)
  try {
    return createS3Handler(pfs, authConfig, {
      ...(args.domains.length > 0 && { domains: args.domains }),
      bucketAliases: args.bucketAliases,
      ...(args.bucketSeparator !== undefined && { bucketSeparator: args.bucketSeparator }),
      ...(args.objectRecords !== undefined && { objectRecords: args.objectRecords }),
      ...(args.deleteVersions !== undefined && { deleteVersions: args.deleteVersions }),
      ...(args.region !== undefined && { region: args.region }),
      ...(args.basePath !== undefined && { basePath: args.basePath }),
      ...(onResponse !== undefined && { onResponse }),
      onError: (error, context) => {
        const place = context === undefined ? '' : ` in request ${context.requestId}`
        output.say(`error${place}: ${lineFrom(error)}\n`)
      },
    })
  } catch (thrown) {
    throw new Fault(lineFrom(thrown).replace(/^(\w+)(\[\d+\])?/, (found, option) => flagOfOption.get(option) ?? found))
  }
}

const hour = 60 * 60 * 1000

/** Deletes the remains of old multipart uploads now and every hour, and prints the result; returns a function to stop. */
function startSweeping(
  pfs: PfsClient,
  olderThanMilliseconds: number,
  options: CallOptions,
  say: (text: string) => void,
): () => void {
  const sweep = async (): Promise<void> => {
    try {
      const { uploads, files } = await sweepUploads(pfs, { olderThanMilliseconds }, options)
      if (files > 0) say(`Swept ${uploads} unfinished uploads, ${files} files in all.\n`)
    } catch (thrown) {
      say(`error: old uploads were not swept: ${lineFrom(thrown)}\n`)
    }
  }
  const timer = setInterval(sweep, hour)
  void sweep()
  return () => clearInterval(timer)
}

/** Creates a function that writes a log line per request; undefined if logging is off. */
export function createLog(
  format: LogFormat,
  write: (line: string) => void,
  now: () => Date = () => new Date(),
): ((entry: ResponseLog) => void) | undefined {
  if (format === 'off') return undefined
  const line = format === 'json' ? jsonLine : prettyLine
  return (entry) => write(`${line(now().toISOString(), entry)}\n`)
}

function jsonLine(time: string, entry: ResponseLog): string {
  return JSON.stringify({ ...entry, time })
}

function prettyLine(time: string, { method, target, status, code, milliseconds, requestId }: ResponseLog): string {
  return [time, status, method, target, `${Math.round(milliseconds)}ms`, requestId, code].filter(Boolean).join(' ')
}
