import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, type Http2SecureServer } from 'node:http2'
import { Agent } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/root.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'
import { type Headers, signV4 } from '../support/sign.js'
import { startExample } from './mount.js'

const test = suite('http2 at /s3')
const key = tokenCredentials('root-token')
const certificate = join(root, 'test/support/tls/cert.pem')
const ca = readFileSync(certificate)
type Http2Example = Http2SecureServer & { readonly requestTimeout: number }
let server: Http2Example
let authority: string
let session: ClientHttp2Session
let s3: S3Client

test.before(async () => {
  process.env.TLS_CERT = certificate
  process.env.TLS_KEY = join(root, 'test/support/tls/key.pem')
  server = await startExample<Http2Example>('http2', '/s3')
  authority = `127.0.0.1:${(server.address() as AddressInfo).port}`
  session = connect(`https://${authority}`, { ca })
  s3 = s3Client({ endpoint: `https://${authority}/s3` }, key, { requestHandler: { httpsAgent: new Agent({ ca }) } })
})

test.after(() => {
  s3.destroy()
  session.destroy()
  server.close()
})

interface Answer {
  readonly status: unknown
  readonly body: Buffer
}

/** Sends a request over HTTP/2; the authority stands in for the Host header, in the signature too. */
async function ask(method: string, target: string, headers: Headers = {}, body?: Buffer): Promise<Answer> {
  const signing = { key, payloadHash: 'UNSIGNED-PAYLOAD' }
  const signed = signV4({ method, target, headers: { ...headers, host: authority } }, signing).headers
  const { host, ...others } = signed
  const stream = session.request({ ':method': method, ':path': target, ':authority': host, ...others })
  let status: unknown
  stream.on('response', (head) => {
    status = head[':status']
  })
  stream.end(body)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return { status, body: Buffer.concat(chunks) }
}

test('HTTP/1.1 over the same port: the SDK writes and reads a body', async () => {
  const object = { Bucket: 'master.images', Key: 'large.bin' }
  const bytes = randomBytes(8 * 1024 * 1024)
  await s3.send(new CreateBucketCommand({ Bucket: object.Bucket }))
  await s3.send(new PutObjectCommand({ ...object, Body: bytes }))
  const { Body } = await s3.send(new GetObjectCommand(object))
  assert.ok(bytes.equals((await Body?.transformToByteArray()) ?? new Uint8Array()))
  assert.is((await s3.send(new ListBucketsCommand({}))).Buckets?.length, 1)
})

test('HTTP/2: a signed body is written and read', async () => {
  const bytes = randomBytes(3 * 1024 * 1024)
  const length = { 'content-length': String(bytes.length) }
  assert.is((await ask('PUT', '/s3/master.images/second.bin', length, bytes)).status, 200)
  const { status, body } = await ask('GET', '/s3/master.images/second.bin')
  assert.is(status, 200)
  assert.ok(body.equals(bytes))
})

test('HTTP/2: GET of the prefix, with and without a slash, lists the buckets', async () => {
  for (const target of ['/s3', '/s3/']) {
    const { status, body } = await ask('GET', target)
    assert.is(status, 200)
    assert.match(body.toString(), '<Name>master.images</Name>')
  }
})

test('HTTP/2: an Expect header that Node does not know is ignored', async () => {
  const headers = { expect: '200', 'content-length': '1' }
  assert.is((await ask('PUT', '/s3/master.images/expected', headers, Buffer.from('x'))).status, 200)
})

test('HTTP/2: a method that is a property of every JavaScript object is not allowed', async () => {
  for (const method of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', 'get']) {
    for (const target of ['/s3/', '/s3/master.images', '/s3/master.images/second.bin']) {
      const { status, body } = await ask(method, target)
      assert.is(status, 405, `${method} ${target}`)
      assert.match(body.toString(), `<Method>${method}</Method>`)
    }
  }
})

test('HTTP/2: the other route of the app responds, and a path outside the prefix is 404', async () => {
  assert.is((await ask('GET', '/health')).body.toString(), 'healthy')
  const { status, body } = await ask('GET', '/elsewhere')
  assert.is(status, 404)
  assert.match(body.toString(), 'outside of this S3 endpoint, which is mounted at /s3')
})

test('sets no time limit for requests', () => {
  assert.is(server.requestTimeout, 0)
})

test.run()
