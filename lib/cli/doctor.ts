import { randomUUID } from 'node:crypto'
import { createS3Handler, type GrpcPfsClient } from '../index.js'
import type { Arguments } from './arguments.js'
import { parseArguments } from './arguments.js'
import { checkBucket, type Fetch } from './doctor-bucket.js'
import { checkCertificate, checkEndpoint, createReport, pachdVersion, type Report } from './doctor-checks.js'
import { Fault, lineFrom } from './fault.js'
import { entry } from './help.js'
import { type AccessKey, readKeysFile, warnOfTokens } from './keys-file.js'
import { connectPachd, isAuthActive, type PachdAddress, pachdAddress, whyAway } from './pfs.js'

const usage = `Usage: pfs-s3-gateway doctor [OPTIONS]

Checks step by step whether a gateway with these options works, and prints a remedy for each failure. Exits with 1 if
a step failed. Takes the options of the gateway, and these:

${entry('--bucket BUCKET', 'list this bucket, and put, get and delete an object with a random name, which makes two commits')}${entry('--endpoint URL', 'check a running gateway, or the proxy in front of it')}
The token is PACH_TOKEN, or that of pachctl's active context.
`

/** Runs `doctor`; returns the exit code, and throws a Fault for wrong arguments. */
export async function doctor(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { own, others } = splitWords(words)
  const command = await parseArguments(others, env)
  if (command.name !== 'serve') {
    process.stdout.write(usage)
    return 0
  }
  const args = command.arguments
  const report = createReport((line) => process.stdout.write(`${line}\n`))
  report.ok(`Node.js ${process.versions.node}`)
  if (args.tls !== undefined) checkCertificate(args.tls, report)
  const pachd = args.memory ? undefined : pachdAddress(args, env)
  if (pachd === undefined) reportNoPachd(args, report)
  else await checkPachd(args, pachd, env, own.bucket, report)
  if (own.endpoint !== undefined) await checkEndpoint(own.endpoint, report)
  return report.summary()
}

interface OwnOptions {
  readonly bucket?: string
  readonly endpoint?: string
}

/** Separates the options of `doctor` from those of the gateway. */
function splitWords(words: readonly string[]): { readonly own: OwnOptions; readonly others: readonly string[] } {
  const own: { bucket?: string; endpoint?: string } = {}
  const others: string[] = []
  for (let index = 0; index < words.length; index++) {
    const [, name, inline] = /^--(bucket|endpoint)(?:=(.*))?$/.exec(words[index] ?? '') ?? []
    if (name === undefined) {
      others.push(words[index] ?? '')
      continue
    }
    const value = inline ?? words[++index]
    if (value === undefined || value === '') throw new Fault(`--${name} needs a value`)
    own[name as keyof OwnOptions] = value
  }
  if (own.endpoint !== undefined && !URL.canParse(own.endpoint)) {
    throw new Fault(`--endpoint takes a URL such as https://s3.example.com, not ${JSON.stringify(own.endpoint)}`)
  }
  return { own, others }
}

function reportNoPachd({ memory }: Arguments, report: Report): void {
  if (memory) report.skip('pachd: --memory serves PFS in memory')
  else {
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
    const token = env.PACH_TOKEN || pachd.authToken
    const isKnown = await checkToken(client, authActive, token, report)
    const keys: ReadonlyMap<string, AccessKey> = args.auth.mode === 'keys' ? readKeysFile(args.auth.file) : new Map()
    if (args.auth.mode === 'keys') await checkKeys(client, args.auth.file, keys, authActive, report)
    if (bucket === undefined) report.skip('reading and writing: give --bucket BUCKET, one that may be written')
    else if (!isKnown && args.auth.mode !== 'keys')
      report.skip(`reading and writing ${bucket}: there is no valid token`)
    else await checkBucket(await fetchOf(args, client, authActive ? token : undefined, keys), bucket, report)
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

/** Whether requests can be made with the token. */
async function checkToken(
  client: GrpcPfsClient,
  authActive: boolean,
  token: string | undefined,
  report: Report,
): Promise<boolean> {
  if (!authActive) {
    report.ok('auth is not active in Pachyderm: any or no credentials are accepted')
    return true
  }
  if (token === undefined) {
    report.fail(
      'auth is active in Pachyderm, and there is no token to check',
      'set PACH_TOKEN, for example from: pachctl auth get-auth-token',
    )
    return false
  }
  try {
    const { username, expiration } = await client.whoAmI({ authToken: token })
    const until = expiration === undefined ? 'does not expire' : `expires at ${expiration.toISOString()}`
    report.ok(`auth is active; the token is that of ${username} and ${until}`)
    return true
  } catch (thrown) {
    report.fail(
      `Pachyderm does not accept the token: ${lineFrom(thrown)}`,
      'get another one: pachctl auth login, then pachctl auth get-auth-token',
    )
    return false
  }
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

/** Sends requests to a gateway in this process, signed as a client would. */
async function fetchOf(
  args: Arguments,
  client: GrpcPfsClient,
  token: string | undefined,
  keys: ReadonlyMap<string, AccessKey>,
): Promise<Fetch> {
  const { createS3Fetch } = await import('../testing/index.js')
  const { auth, handlerOptions } = args
  const options = { ...handlerOptions, basePath: '', domains: [] }
  if (auth.mode === 'keys') {
    const [[accessKeyId, { secretAccessKey }] = [randomUUID(), { secretAccessKey: '' }]] = keys
    const handler = createS3Handler(client, { mode: 'keys', credentialFor: (id) => keys.get(id) }, options)
    return createS3Fetch(handler, {
      signer: { accessKeyId, secretAccessKey, region: handlerOptions.region ?? 'us-east-1' },
    })
  }
  return createS3Fetch(createS3Handler(client, { mode: 'none', authToken: token }, options))
}
