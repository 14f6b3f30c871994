import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler, type PfsClient, type ResponseLog } from '../../lib/index.js'
import { createMemoryPfs, createS3Fetch, type S3Fetch } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'

const test = suite('fetch of a handler in this process')
const token = 'root-token'
const signer = { accessKeyId: token, secretAccessKey: token }

async function withBucket(fetch: S3Fetch): Promise<S3Fetch> {
  assert.is((await fetch('/master.images', { method: 'PUT' })).status, 200)
  return fetch
}

const open = (): Promise<S3Fetch> => withBucket(createS3Fetch(createS3Handler(createMemoryPfs(), { mode: 'none' })))

test('an object is written, read, listed and deleted', async () => {
  const fetch = await open()
  const written = await fetch('/master.images/a/b.txt', { method: 'PUT', body: 'hello' })
  assert.is(written.status, 200)
  const read = await fetch('/master.images/a/b.txt')
  assert.is(await read.text(), 'hello')
  assert.is(read.headers.get('content-length'), '5')
  assert.is(read.headers.get('x-amz-version-id'), written.headers.get('x-amz-version-id'))
  const head = await fetch('/master.images/a/b.txt', { method: 'HEAD' })
  assert.equal([head.status, head.headers.get('content-length'), await head.text()], [200, '5', ''])
  assert.match(await (await fetch('/master.images?list-type=2&prefix=a%2F')).text(), '<Key>a/b.txt</Key>')
  assert.is((await fetch('/master.images/a/b.txt', { method: 'DELETE' })).status, 204)
  const missing = await fetch('/master.images/a/b.txt')
  assert.is(missing.status, 404)
  assert.match(await missing.text(), '<Code>NoSuchKey</Code>')
})

test('a URL contains the host, and a Request is accepted, too', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' }, { domains: ['s3.example'] })
  const fetch = await withBucket(createS3Fetch(handler))
  await fetch(new Request('http://images.s3.example/key', { method: 'PUT', body: 'virtual' }))
  assert.is(await (await fetch(new URL('http://images.s3.example/key'))).text(), 'virtual')
  assert.is(await (await fetch('/images/key')).text(), 'virtual')
})

test('a signed request passes, one with another signature or without one is refused', async () => {
  const handler = createS3Handler(createMemoryPfs({ rootToken: token }), { mode: 'pachyderm' })
  const fetch = await withBucket(createS3Fetch(handler, { signer }))
  const target = "/master.images/%C3%A4%20b+c'd(1)!%2B.txt?x-id=PutObject&empty"
  assert.is(
    (await fetch(target, { method: 'PUT', body: new Uint8Array([0, 255]), headers: { 'x-amz-meta-a': '1  2' } }))
      .status,
    200,
  )
  assert.equal(new Uint8Array(await (await fetch(target)).arrayBuffer()), new Uint8Array([0, 255]))
  assert.is((await createS3Fetch(handler)(target)).status, 403)
  const forger = createS3Fetch(handler, { signer: { ...signer, secretAccessKey: 'guessed' } })
  assert.match(await (await forger(target)).text(), '<Code>SignatureDoesNotMatch</Code>')
})

test('a region other than that of the handler is refused', async () => {
  const handler = createS3Handler(createMemoryPfs({ rootToken: token }), { mode: 'pachyderm' }, { region: 'eu-west-1' })
  assert.is((await createS3Fetch(handler, { signer })('/')).status, 400)
  assert.is((await createS3Fetch(handler, { signer: { ...signer, region: 'eu-west-1' } })('/')).status, 200)
})

test('bodies stream both ways, signed or not', async () => {
  const fetch = await withBucket(
    createS3Fetch(createS3Handler(createMemoryPfs({ rootToken: token }), { mode: 'pachyderm' }), { signer }),
  )
  const piece = new Uint8Array(256 * 1024).fill(7)
  const pieces = Array.from({ length: 12 }, () => piece)
  const body = ReadableStream.from(pieces)
  const headers = { 'content-length': String(12 * piece.length) }
  const written = await fetch('/master.images/large', { method: 'PUT', body, headers, duplex: 'half' })
  assert.is(written.status, 200, await written.text())
  let bytes = 0
  for await (const chunk of (await fetch('/master.images/large')).body ?? []) bytes += chunk.length
  assert.is(bytes, 12 * piece.length)
})

test('a caller that aborts looks like a client that has left', async () => {
  const closed = deferred<ResponseLog>()
  const asked = deferred()
  const hanging: PfsClient = {
    ...createMemoryPfs(),
    async *getFile(_, options) {
      asked.resolve()
      yield await new Promise<never>((__, reject) => options?.signal?.addEventListener('abort', reject))
    },
  }
  const onResponse = (entry: ResponseLog): void => {
    if (entry.method === 'GET') closed.resolve(entry)
  }
  const fetch = await withBucket(createS3Fetch(createS3Handler(hanging, { mode: 'none' }, { onResponse })))
  await fetch('/master.images/a', { method: 'PUT', body: 'hello' })
  const controller = new AbortController()
  const answer = fetch('/master.images/a', { signal: controller.signal }).then(
    () => 'answered',
    (error: Error) => error.name,
  )
  await asked.promise
  controller.abort()
  assert.is((await closed.promise).status, 499)
  assert.is(await answer, 'AbortError')
})

test('does not keep the process alive', async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate').length
  const fetch = await open()
  await fetch('/master.images')
  assert.is(process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate').length, before)
})

test.run()
