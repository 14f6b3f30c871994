import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request, type Server } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { Readable } from 'node:stream'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { s3Client, tokenCredentials } from '../support/s3-client.js'
import { signedChunks, signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf, type RawRequest, type RawResponse } from '../support/wire.js'

/** The token of the root user in `examples/`. */
const token = 'root-token'
const key = { accessKeyId: token, secretAccessKey: token }
const bytes = randomBytes(8 * 1024 * 1024)

/** The required behaviour of an example at each mount path; '' is the root. */
export function testMount(example: string, basePaths: readonly string[] = ['', '/s3', '/some/where']): void {
  for (const basePath of basePaths) testMountAt(example, basePath)
}

function testMountAt(example: string, basePath: string): void {
  const test = suite(`${example} at ${basePath || 'the root'}`)
  let server: Server
  let origin: string
  let s3: S3Client

  test.before(async () => {
    server = await startExample(example, basePath)
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    s3 = s3Client({ endpoint: origin + basePath }, tokenCredentials(token))
    await s3.send(new CreateBucketCommand({ Bucket: 'master.images' }))
  })

  test.after(async () => {
    s3.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  test('leaves the other route of the app alone', async () => {
    const answer = await fetch(`${origin}/health`)
    assert.equal([answer.status, await answer.text()], [200, 'healthy'])
  })

  test('sets no limit to the time that a request may take', () => {
    assert.is(server.requestTimeout, 0)
  })

  test('refuses a signature made with another secret', async () => {
    const stranger = s3Client({ endpoint: origin + basePath }, { accessKeyId: token, secretAccessKey: 'wrong-secret' })
    try {
      await stranger.send(new ListBucketsCommand({}))
      assert.unreachable('the request passed')
    } catch (error) {
      assert.is((error as Error).name, 'SignatureDoesNotMatch')
    } finally {
      stranger.destroy()
    }
  })

  test('lists buckets', async () => {
    const { Buckets } = await s3.send(new ListBucketsCommand({}))
    assert.equal(
      Buckets?.map(({ Name }) => Name),
      ['master.images'],
    )
  })

  for (const target of new Set([basePath || '/', `${basePath}/`])) {
    test(`lists buckets at ${target}`, async () => {
      const response = await ask(signV4({ method: 'GET', target }, { key }))
      assert.is(outcomeOf(response), '200')
      assert.match(response.body, '<Name>master.images</Name>')
    })
  }

  for (const target of basePath === '' ? [] : ['/elsewhere', `${basePath}x/master.images`]) {
    test(`leaves ${target} to the app`, async () => {
      assert.is((await ask(signV4({ method: 'GET', target }, { key }))).status, 404)
    })
  }

  for (const expect of ['', '200']) {
    test(`takes a body with the header 'Expect: ${expect}'`, async () => {
      const put = { method: 'PUT', target: `${basePath}/master.images/expected`, headers: { expect }, body: 'x' }
      assert.is(outcomeOf(await ask(signV4(put, { key }))), '200')
    })
  }

  test('carries a streamed body in and out byte for byte', async () => {
    const object = { Bucket: 'master.images', Key: 'dir/large.bin' }
    await s3.send(new PutObjectCommand({ ...object, Body: Readable.from(chunks()), ContentLength: bytes.length }))
    const { Body, ContentLength } = await s3.send(new GetObjectCommand(object))
    const received = Buffer.from((await Body?.transformToByteArray()) ?? [])
    assert.is(ContentLength, bytes.length)
    assert.ok(received.equals(bytes), 'the bytes are the same')
  })

  test('keeps the key as the client wrote it', async () => {
    const object = { Bucket: 'master.images', Key: "a b+c/%7E & (d)=e,f;g'h ü" }
    await s3.send(new PutObjectCommand({ ...object, Body: 'x' }))
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: object.Bucket, Prefix: 'a b+c/' }))
    assert.equal(
      Contents?.map(({ Key }) => Key),
      [object.Key],
    )
    await s3.send(new DeleteObjectCommand(object))
    const after = await s3.send(new ListObjectsV2Command({ Bucket: object.Bucket, Prefix: 'a b+c/' }))
    assert.is(after.KeyCount, 0)
  })

  test('answers before the body has been sent', async () => {
    const upload = request(`${origin}${basePath}/master.images/unsigned`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'content-length': bytes.length },
    })
    upload.on('error', () => {}) // The server may cut what it does not want to read.
    upload.write('{')
    const [answer] = await once(upload, 'response')
    answer.resume()
    upload.destroy()
    assert.is(answer.statusCode, 403)
  })

  test('checks a body as it comes: a wrong chunk is refused while the rest is still to come', async () => {
    const payloadHash = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
    const headers = { 'x-amz-decoded-content-length': String(bytes.length), 'content-length': String(2 * bytes.length) }
    const put = signV4({ method: 'PUT', target: `${basePath}/master.images/broken`, headers }, { key, payloadHash })
    const chunk = 'x'.repeat(65536)
    const [right = '', second = ''] = signedChunks(put, key, [chunk, chunk]).split(/(?<=x\r\n)/)
    const wire = await openWire((server.address() as AddressInfo).port)
    wire.send(bytesOf({ ...put, body: right + second.replace('x', 'y') }))
    const answer = await wire.response()
    wire.close()
    assert.is(answer && outcomeOf(answer), '403 SignatureDoesNotMatch')
  })

  test.run()

  function ask(request: RawRequest): Promise<RawResponse> {
    return exchange((server.address() as AddressInfo).port, request)
  }
}

/** Starts an example, which listens while it is imported; the query makes each import a new app. */
export async function startExample<Listening extends NetServer = Server>(
  example: string,
  basePath: string,
): Promise<Listening> {
  process.env.PORT = '0'
  process.env.BASE_PATH = basePath
  const { server } = (await import(`../../examples/${example}.js?${basePath}`)) as { server: Listening }
  if (!server.listening) await once(server, 'listening')
  return server
}

function* chunks(): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += 65536) yield bytes.subarray(start, start + 65536)
}
