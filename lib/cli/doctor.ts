import type { GrpcPfsClient } from '../index.js'
import type { Arguments } from './arguments.js'
import { parseArguments } from './arguments.js'
import { endpointFrom } from './command-line.js'
import { type Caller, checkBucket } from './doctor-bucket.js'
import { checkCertificate, checkEndpoint, createReport, pachdVersion, type Report } from './doctor-checks.js'
import { Fault, lineFrom } from './fault.js'
import { entry } from './help.js'
import { type AccessKey, readKeysFile, warnOfTokens } from './keys-file.js'
import { connectPachd, isAuthActive, type PachdAddress, pachdAddress, whyAway } from './pfs.js'
import { checkOptions } from './serve.js'

const usage = `Usage: pfs-s3-gateway doctor [OPTIONS]

Checks step by step whether a gateway with these options works, and prints a remedy for each failure. Exits with 1 if
a step failed. Takes the options of the gateway, and these:

${entry('--bucket BUCKET', 'list this bucket, and put, get and delete an object with a random name, which makes a few commits')}${entry('--endpoint URL', 'check a running gateway, or the proxy in front of it')}
The token is PACH_TOKEN, or that of pachctl's active context.
`

/** Runs `doctor`; returns the exit code, and throws a Fault for wrong arguments. */
export async function doctor(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const command = await parseArguments(words, env, { own: ['bucket', 'endpoint'], help: 'doctor --help' })
  if (command.name !== 'serve') {
    process.stdout.write(usage)
    return 0
  }
  const { arguments: args, own } = command
  const bucket = own('bucket')
  const endpoint = own('endpoint')
  if (endpoint !== undefined) endpointFrom(endpoint)
  checkOptions(args)
  const report = createReport((line) => process.stdout.write(`${line}\n`))
  report.ok(`Node.js ${process.versions.node}`)
  if (args.tls !== undefined) checkCertificate(args.tls, report)
  const pachd = args.memory ? undefined : pachdAddress(args, env)
  if (pachd === undefined) reportNoPachd(args, bucket, report)
  else await checkPachd(args, pachd, env, bucket, report)
  if (endpoint !== undefined) await checkEndpoint(endpoint, report)
  return report.summary()
}

function reportNoPachd({ memory }: Arguments, bucket: string | undefined, report: Report): void {
  if (memory) {
    report.skip('pachd: --memory serves PFS in memory')
    if (bucket !== undefined) {
      report.skip(
        `reading and writing ${bucket}: it is in the memory of the gateway; start that with --serve-pfs, and give its address as --pachd`,
      )
    }
  } else {
    report.fail(
      'no pachd is configured, so the gateway would serve PFS in memory',
      'give --pachd ADDRESS or PACHD_ADDRESS, or set up pachctl: pachctl connect ADDRESS',
    )
  }
}

async function checkPachd(
  args: Arguments,
  pachd: PachdAddress,
  env: NodeJS.ProcessEnv,
  bucket: string | undefined,
  report: Report,
): Promise<void> {
  const where = `pachd at ${pachd.address} (${pachd.source})`
  const client = connectPachd(pachd)
  try {
    const started = performance.now()
    const authActive = await isAuthActive(client)
    report.ok(`${where} answers in ${Math.round(performance.now() - started)} ms`)
    await reportVersion(pachd, report)
    const caller = await checkToken(client, authActive, env.PACH_TOKEN || pachd.authToken, report)
    const keys: ReadonlyMap<string, AccessKey> = args.auth.mode === 'keys' ? readKeysFile(args.auth.file) : new Map()
    if (args.auth.mode === 'keys') await checkKeys(client, args.auth.file, keys, authActive, report)
    const [key] = keys
    const user = key === undefined ? caller : await callerOf(client, authActive, key[1].authToken)
    if (bucket === undefined) report.skip('reading and writing: give --bucket BUCKET, one that may be written')
    else if (user === undefined) report.skip(`reading and writing ${bucket}: there is no valid token`)
    else await checkBucket({ args, client, bucket, user, ...(key && { key }) }, report)
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    report.fail(
      `${where} does not answer: ${await whyAway(pachd, thrown)}`,
      'is it the gRPC port of pachd (30650 in most clusters), and can this machine reach it? pachctl version uses the same address',
    )
  } finally {
    client.close()
  }
}

async function reportVersion(pachd: PachdAddress, report: Report): Promise<void> {
  try {
    report.ok(`pachd has version ${await pachdVersion(pachd)}`)
  } catch (thrown) {
    report.skip(`version: the server does not tell it (${lineFrom(thrown)}); PFS in memory does not`)
  }
}

/** The user of a valid token; undefined without a token, or if PFS refuses it. */
async function checkToken(
  client: GrpcPfsClient,
  authActive: boolean,
  token: string | undefined,
  report: Report,
): Promise<Caller | undefined> {
  if (!authActive) {
    report.ok('auth is not active in Pachyderm: any or no credentials are accepted')
    return {}
  }
  if (token === undefined) {
    report.fail(
      'auth is active in Pachyderm, and there is no token to check',
      'set PACH_TOKEN, for example from: pachctl auth get-auth-token',
    )
    return undefined
  }
  try {
    const { username, expiration } = await client.whoAmI({ authToken: token })
    const until = expiration === undefined ? 'does not expire' : `expires at ${expiration.toISOString()}`
    report.ok(`auth is active; the token is that of ${username} and ${until}`)
    return { authToken: token, username }
  } catch (thrown) {
    report.fail(
      `Pachyderm does not accept the token: ${lineFrom(thrown)}`,
      'get another one: pachctl auth login, then pachctl auth get-auth-token',
    )
    return undefined
  }
}

/** The user of an access key's token; undefined if PFS does not know the token, which was reported with the keys. */
async function callerOf(
  client: GrpcPfsClient,
  authActive: boolean,
  authToken: string | undefined,
): Promise<Caller | undefined> {
  if (!authActive) return {}
  if (authToken === undefined) return undefined
  const { username } = await client.whoAmI({ authToken }).catch(() => ({ username: undefined }))
  return username === undefined ? undefined : { authToken, username }
}

async function checkKeys(
  client: GrpcPfsClient,
  file: string,
  keys: ReadonlyMap<string, AccessKey>,
  authActive: boolean,
  report: Report,
): Promise<void> {
  const warnings: string[] = []
  if (authActive) {
    await warnOfTokens(client, { mode: 'keys', credentialFor: () => undefined }, keys, (text) => warnings.push(text))
  }
  for (const warning of warnings) report.fail(warning, `replace its authToken in ${file} with a valid Pachyderm token`)
  if (warnings.length === 0) report.ok(`the keys file ${file} has ${keys.size} usable access keys`)
}
