import { randomUUID } from 'node:crypto'
import { type Report, reportSkew } from './doctor-checks.js'

/** Sends a request to a path of the gateway. */
export type Fetch = (path: string, init?: RequestInit) => Promise<Response>

const remedies: ReadonlyMap<string, string> = new Map([
  ['NoSuchBucket', 'a bucket is BRANCH.REPO, or BRANCH.REPO.PROJECT; create it: pachctl create branch REPO@BRANCH'],
  ['AccessDenied', 'give the user of the token the role: pachctl auth set repo REPO repoWriter USER'],
  ['InvalidAccessKeyId', 'use a valid Pachyderm token'],
  ['ExpiredToken', 'get a new token: pachctl auth get-auth-token'],
  ['ServiceUnavailable', 'pachd did not answer; is it overloaded or restarting?'],
  ['SlowDown', 'too many writes wait for this branch; try again later'],
  ['MethodNotAllowed', 'only branches can be written, not commits or the output of a pipeline; choose another bucket'],
])

/** Lists a bucket, then puts, gets and deletes an object in it; stops at the first failure, but always deletes the object. */
export async function checkBucket(fetch: Fetch, bucket: string, report: Report): Promise<void> {
  const key = `pfs-s3-gateway-doctor-${randomUUID()}`
  const content = `written by pfs-s3-gateway doctor, may be deleted: ${key}\n`
  const path = `/${encodeURIComponent(bucket)}`

  /** Reports a step and its duration; undefined if it failed. */
  async function step(name: string, init: RequestInit, target: string): Promise<Response | undefined> {
    const started = performance.now()
    const answer = await fetch(target, init)
    if (answer.ok) {
      report.ok(`${name} in ${Math.round(performance.now() - started)} ms`)
      return answer
    }
    const text = await answer.text()
    const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? String(answer.status)
    const message = /<Message>(.*?)<\/Message>/s.exec(text)?.[1] ?? answer.statusText
    report.fail(`${name}: ${code}, ${withoutEntities(message)}`, remedies.get(code) ?? 'see docs/troubleshooting.md')
    return undefined
  }

  const listed = await step(`list bucket ${bucket}`, {}, `${path}?list-type=2&max-keys=1`)
  if (listed === undefined) return
  await listed.text()
  const before = Date.now()
  if ((await step('put an object', { method: 'PUT', body: content }, `${path}/${key}`)) === undefined) return
  const after = Date.now()
  const got = await step('get it', {}, `${path}/${key}`)
  if (got !== undefined && (await got.text()) !== content) {
    report.fail('the object has other bytes than were put', 'this must not happen: please report it')
  }
  if (got !== undefined) checkClock(got, before, after, report)
  await step('delete it', { method: 'DELETE' }, `${path}/${key}`)
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
