import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'

/** A page of one origin uploads to the gateway at another and reads back, in a real browser: Debian's Chromium. */
const test = suite<Setting>('uploads from a page of another origin')

interface Setting {
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Serves the page that a rule allows; `stranger` one that none does. */
  readonly site: Server
  readonly stranger: Server
  readonly browser: BrowserContext
  readonly profile: string
}

const token = 'the-root-token'
const bucket = 'master.uploads'
/** As the session of CI needs them: root, no display, no network but this machine. */
const flags = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

/** The page under test; each function returns what a script of the page can read. */
const page = `<!doctype html><title>uploads</title><script>
async function ask(url, init) {
  try {
    const answer = await fetch(url, init)
    return { status: answer.status, etag: answer.headers.get('etag'), text: await answer.text() }
  } catch (error) {
    return { status: 0, etag: null, text: String(error) }
  }
}
function formOf(fields, content) {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', new Blob([content]), 'photo (1).jpg')
  return form
}
function submitForm(url, fields, content) {
  const form = Object.assign(document.createElement('form'), { method: 'POST', action: url, enctype: 'multipart/form-data' })
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
  }
  const input = Object.assign(document.createElement('input'), { type: 'file', name: 'file' })
  const files = new DataTransfer()
  files.items.add(new File([content], 'report.txt'))
  input.files = files.files
  form.append(input)
  document.body.append(form)
  form.submit()
}
</script><body></body>`

interface Seen {
  readonly status: number
  readonly etag: string | null
  readonly text: string
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serve(): Promise<Server> {
  const server = createServer((_, res) => res.setHeader('content-type', 'text/html').end(page))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test.before(async (context) => {
  const [site, stranger] = [await serve(), await serve()]
  const rule = {
    bucket,
    allowedOrigins: [originOf(site)],
    allowedMethods: ['GET', 'PUT', 'POST'] as const,
    allowedHeaders: ['content-type', 'x-amz-*'],
    exposeHeaders: ['etag'],
  }
  const pfs = createMemoryPfs({ rootToken: token })
  const gateway = await startGateway({ pfs, authConfig: { mode: 'pachyderm' }, options: { cors: [rule] } })
  const s3 = s3Client(gateway, tokenCredentials(token))
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  const profile = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-browser-'))
  const browser = await chromium.launchPersistentContext(profile, { executablePath: '/usr/bin/chromium', args: flags })
  Object.assign(context, { gateway, s3, site, stranger, browser, profile })
})

test.after(async ({ gateway, s3, site, stranger, browser, profile }) => {
  await browser.close()
  s3.destroy()
  await gateway.close()
  for (const server of [site, stranger]) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(profile, { recursive: true, force: true })
})

async function open(browser: BrowserContext, server: Server): Promise<Page> {
  const opened = await browser.newPage()
  await opened.goto(originOf(server))
  return opened
}

function ask(opened: Page, url: string, init: object = {}): Promise<Seen> {
  return opened.evaluate<Seen>(`ask(${JSON.stringify(url)}, ${JSON.stringify(init)})`)
}

function urlFor(
  s3: S3Client,
  method: 'GET' | 'PUT',
  Key: string,
  more: { ResponseContentType?: string } = {},
): Promise<string> {
  const command =
    method === 'PUT'
      ? new PutObjectCommand({ Bucket: bucket, Key })
      : new GetObjectCommand({ Bucket: bucket, Key, ...more })
  return getSignedUrl(s3, command, { expiresIn: 60 })
}

test('a presigned PUT, whose object is read back', async ({ browser, site, s3 }) => {
  const opened = await open(browser, site)
  const body = 'written by a page: ünï'
  const headers = { 'content-type': 'text/plain' }
  const written = await ask(opened, await urlFor(s3, 'PUT', 'a/put (1).txt'), { method: 'PUT', body, headers })
  assert.is(written.status, 200, written.text)
  assert.is(written.etag, `"${createHash('md5').update(body).digest('hex')}"`)
  const read = await ask(opened, await urlFor(s3, 'GET', 'a/put (1).txt'))
  assert.equal(read, { status: 200, etag: written.etag, text: body })
})

test('the page can read an error', async ({ browser, site, s3 }) => {
  const opened = await open(browser, site)
  const missing = await ask(opened, await urlFor(s3, 'GET', 'none'))
  assert.is(missing.status, 404)
  assert.match(missing.text, '<Code>NoSuchKey</Code>')
  const url = (await urlFor(s3, 'GET', 'none')).replace(/Signature=\w{10}/, 'Signature=0000000000')
  assert.match((await ask(opened, url)).text, '<Code>SignatureDoesNotMatch</Code>')
})

test('a page that no rule allows learns nothing, and its PUT is never sent', async ({ browser, stranger, s3 }) => {
  const opened = await open(browser, stranger)
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'kept', Body: 'kept' }))
  assert.match((await ask(opened, await urlFor(s3, 'GET', 'kept'))).text, /^TypeError/)
  const put = await ask(opened, await urlFor(s3, 'PUT', 'kept'), { method: 'PUT', body: 'changed' })
  assert.match(put.text, /^TypeError/)
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'kept' }))
  assert.is(await Body?.transformToString(), 'kept')
})

test('a method or header that the rule does not list is not sent', async ({ browser, site, s3 }) => {
  const opened = await open(browser, site)
  const url = await urlFor(s3, 'GET', 'kept')
  assert.match((await ask(opened, url, { method: 'DELETE' })).text, /^TypeError/)
  assert.match((await ask(opened, url, { headers: { 'x-other': '1' } })).text, /^TypeError/)
})

test('a script sends a signed form', async ({ browser, site, s3 }) => {
  const opened = await open(browser, site)
  const { url, fields } = await createPresignedPost(s3, {
    Bucket: bucket,
    Key: `forms/\${filename}`,
    Conditions: [['content-length-range', 1, 1000], { success_action_status: '201' }],
    Fields: { success_action_status: '201' },
    Expires: 60,
  })
  const send = (content: string) =>
    opened.evaluate<Seen>(
      `ask(${JSON.stringify(url)}, { method: 'POST', body: formOf(${JSON.stringify(fields)}, ${JSON.stringify(content)}) })`,
    )
  const written = await send('by a form')
  assert.is(written.status, 201, written.text)
  assert.match(written.text, '<Key>forms/photo (1).jpg</Key>')
  const read = await ask(opened, await urlFor(s3, 'GET', 'forms/photo (1).jpg'))
  assert.equal(read, { status: 200, etag: written.etag, text: 'by a form' })
  assert.match((await send('x'.repeat(1001))).text, '<Code>EntityTooLarge</Code>')
})

test('a person submits a signed form and is redirected to the page', async ({ browser, site, s3 }) => {
  const opened = await open(browser, site)
  const back = `${originOf(site)}/done`
  const { url, fields } = await createPresignedPost(s3, {
    Bucket: bucket,
    Key: 'submitted',
    Conditions: [{ success_action_redirect: back }],
    Fields: { success_action_redirect: back },
    Expires: 60,
  })
  const arrived = opened.waitForURL(`${back}?**`)
  await opened.evaluate(`submitForm(${JSON.stringify(url)}, ${JSON.stringify(fields)}, 'by a person')`)
  await arrived
  const query = new URL(opened.url()).searchParams
  assert.equal([query.get('bucket'), query.get('key')], [bucket, 'submitted'])
  const read = await ask(opened, await urlFor(s3, 'GET', 'submitted'))
  assert.equal([read.text, read.etag], ['by a person', query.get('etag')])
})

test('a stored page runs its script in an opaque origin, not in that of the gateway', async ({
  browser,
  gateway,
  s3,
}) => {
  const script = `fetch('/').then(() => 'read', () => 'refused').then((outcome) => { document.title = origin + ' ' + outcome })`
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'page.html', Body: `<script>${script}</script>` }))
  const opened = await browser.newPage()
  await opened.goto(await urlFor(s3, 'GET', 'page.html', { ResponseContentType: 'text/html' }))
  assert.ok(opened.url().startsWith(gateway.endpoint))
  await opened.waitForFunction('document.title !== ""')
  assert.is(await opened.title(), 'null refused')
})

test('a stored page without a type is not shown as one', async ({ browser, s3 }) => {
  const opened = await browser.newPage()
  const download = opened.waitForEvent('download')
  const shown = await opened.goto(await urlFor(s3, 'GET', 'page.html')).then(
    () => 'shown',
    () => 'not shown',
  )
  assert.is(shown, 'not shown')
  await (await download).cancel()
})

test.run()
