import { randomUUID } from 'node:crypto'
import { branchOfBucket, createS3Handler, type GrpcPfsClient, PfsError, type Repo } from '../index.js'
import type { Arguments } from './arguments.js'
import { type Report, reportSkew } from './doctor-checks.js'
import { lineFrom } from './fault.js'
import type { AccessKey } from './keys-file.js'

/** The user whose requests are tried; empty if auth is not active. */
export interface Caller {
  readonly authToken?: string
  readonly username?: string
}

/** A bucket, and how to reach it. */
export interface BucketToCheck {
  readonly args: Arguments
  readonly client: GrpcPfsClient
  readonly bucket: string
  readonly user: Caller
  /** The access key that signs the requests, for `--auth keys:FILE`. */
  readonly key?: readonly [id: string, key: AccessKey]
}

/**
 * Prints the user's roles, lists the bucket, then puts, gets and deletes an object in it, without metadata and with.
 * Stops at the first failure, but always deletes the object.
 */
export async function checkBucket(checked: BucketToCheck, report: Report): Promise<void> {
  const { args, bucket, user } = checked
  const repo = repoOf(bucket, args, report)
  if (repo === undefined || !(await checkRoles(checked, repo, report))) return
  const { fetch, flush } = await gatewayOf(checked)
  const path = `/${encodeURIComponent(bucket)}`
  const key = `pfs-s3-gateway-doctor-${randomUUID()}`
  const content = `written by pfs-s3-gateway doctor, may be deleted: ${key}\n`

  /** Reports a step and its duration; undefined if it failed. */
  async function step(
    name: string,
    target: string,
    init: RequestInit = {},
    ofStep: ReadonlyMap<string, string> = new Map(),
  ): Promise<Response | undefined> {
    const started = performance.now()
    const answer = await fetch(target, init)
    if (answer.ok) {
      report.ok(`${name} in ${Math.round(performance.now() - started)} ms`)
      return answer
    }
    const text = await answer.text()
    const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? String(answer.status)
    const message = /<Message>(.*?)<\/Message>/s.exec(text)?.[1] ?? answer.statusText
    const remedy = ofStep.get(code) ?? remedies.get(code) ?? 'see docs/troubleshooting.md'
    report.fail(`${name}: ${code}, ${withoutEntities(message)}`, remedy)
    return undefined
  }

  const writing = new Map([['AccessDenied', roleCommand(repo, 'repoWriter', user)]])
  const listed = await step(`list bucket ${bucket}`, `${path}?list-type=2&max-keys=1`)
  if (listed === undefined) return
  await listed.text()
  const before = Date.now()
  const put = { method: 'PUT', body: content }
  if ((await step('put an object', `${path}/${key}`, put, writing)) === undefined) return
  const after = Date.now()
  const got = await step('get it', `${path}/${key}`)
  if (got !== undefined && (await got.text()) !== content) {
    report.fail('the object has other bytes than were put', 'this must not happen: please report it')
  }
  if (got !== undefined) checkClock(got, before, after, report)
  if (args.handlerOptions.objectRecords === 'off') report.skip('metadata: --object-records is off')
  else {
    // The same write without metadata was allowed, so only the place of the metadata can be refused.
    const ofMetadata = new Map([['AccessDenied', metadataRemedy(repo, bucket, user)]])
    const withMetadata = { ...put, headers: { 'x-amz-meta-written-by': 'doctor' } }
    await step('put it again, with metadata', `${path}/${key}`, withMetadata, ofMetadata)
  }
  await step('delete it', `${path}/${key}`, { method: 'DELETE' }, writing)
  await flush()
}

const remedies: ReadonlyMap<string, string> = new Map([
  ['NoSuchBucket', 'a bucket is BRANCH.REPO, or BRANCH.REPO.PROJECT; create it: pachctl create branch REPO@BRANCH'],
  ['InvalidAccessKeyId', 'use a valid Pachyderm token'],
  ['ExpiredToken', 'get a new token: pachctl auth get-auth-token'],
  ['ServiceUnavailable', 'pachd did not answer; is it overloaded or restarting?'],
  ['SlowDown', 'too many writes wait for this branch; try again later'],
  ['MethodNotAllowed', 'only branches can be written, not commits or the output of a pipeline; choose another bucket'],
])

function repoOf(bucket: string, { handlerOptions }: Arguments, report: Report): Repo | undefined {
  try {
    return branchOfBucket(bucket, handlerOptions).repo
  } catch (thrown) {
    report.fail(`bucket ${bucket}: ${lineFrom(thrown)}`, 'a bucket is BRANCH.REPO, or BRANCH.REPO.PROJECT')
    return undefined
  }
}

/** Prints the roles of the user on the bucket's repo; false if they do not allow reading. */
async function checkRoles({ client, user }: BucketToCheck, repo: Repo, report: Report): Promise<boolean> {
  const { authToken, username } = user
  if (username === undefined) return true
  const place = `repo ${repo.name} of project ${repo.project}`
  try {
    const { authInfo } = await client.inspectRepo(repo, { authToken })
    if (authInfo?.permissions.includes('REPO_READ')) {
      report.ok(`${username} has on ${place}: ${authInfo.roles.join(', ')}`)
      return true
    }
    report.fail(`${username} has no role on ${place}`, roleCommand(repo, 'repoWriter', user))
    return false
  } catch (thrown) {
    // Listing the bucket says the same to clients, and names a bucket that was meant.
    if (thrown instanceof PfsError && thrown.missing !== undefined) return true
    throw thrown
  }
}

function roleCommand({ name, project }: Repo, role: string, { username = 'USER' }: Caller): string {
  return `an owner of the repo can give the role: pachctl auth set repo ${name} ${role} ${username} --project ${project}`
}

function metadataRemedy({ name, project }: Repo, bucket: string, { username = 'USER' }: Caller): string {
  return [
    `plain objects can be written, but metadata, tags and uploads of parts need a repo of type meta beside ${name}.`,
    `Someone who may create repos in project ${project} can make it, by one object with metadata:`,
    `aws s3 cp --metadata a=b FILE s3://${bucket}/`,
    `Or give the right: pachctl auth set project ${project} projectWriter ${username}`,
  ].join('\n')
}

/** A gateway in this process, whose requests are signed as those of a client. */
async function gatewayOf({ args, client, user, key }: BucketToCheck) {
  const { createS3Fetch } = await import('../testing/index.js')
  const options = { ...args.handlerOptions, basePath: '', domains: [] }
  if (key === undefined) {
    const handler = createS3Handler(client, { mode: 'none', authToken: user.authToken }, options)
    return { fetch: createS3Fetch(handler), flush: handler.flush }
  }
  const [accessKeyId, credential] = key
  const credentialFor = (id: string) => (id === accessKeyId ? credential : undefined)
  const { region = 'us-east-1' } = args.handlerOptions
  const handler = createS3Handler(client, { mode: 'keys', credentialFor }, options)
  const signer = { accessKeyId, secretAccessKey: credential.secretAccessKey, region }
  return { fetch: createS3Fetch(handler, { signer }), flush: handler.flush }
}

function withoutEntities(xml: string): string {
  const entities: Readonly<Record<string, string>> = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' }
  return xml.replace(/&(\w+);/g, (found, name: string) => entities[name] ?? found)
}

/** Compares the clock of pachd, which dates commits, with that of this machine. */
function checkClock(answer: Response, before: number, after: number, report: Report): void {
  const time = Date.parse(answer.headers.get('last-modified') ?? '')
  if (Number.isNaN(time)) return
  // The header has whole seconds.
  const skew = time + 1000 < before ? time + 1000 - before : time > after ? time - after : 0
  reportSkew('pachd', skew / 1000, report)
}
