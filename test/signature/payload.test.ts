import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeOf, errorOf } from '../support/s3-error.js'
import { sha256 } from '../support/sign.js'
import { check, put, read, streaming, text } from './body-requests.js'
import { readAll } from './request.js'
import { presign, signHeader } from './signer.js'

const test = suite('payload hashes, lengths and checksums')

test('the body must have the signed SHA-256', async () => {
  const signed = await put({})
  assert.is(await read(signed), 'hello, world')
  const error = await errorOf(read({ ...signed, body: 'hello, World' }))
  assert.is(error.code, 'XAmzContentSHA256Mismatch')
  assert.equal(error.fields, {
    ClientComputedContentSHA256: sha256('hello, world'),
    S3ComputedContentSHA256: sha256('hello, World'),
  })
})

test('an unsigned body passes as UNSIGNED-PAYLOAD, in a header or a presigned URL', async () => {
  assert.is(
    await read({ ...(await put({ 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' })), body: 'anything' }),
    'anything',
  )
  assert.is(await read({ ...(await presign({ method: 'PUT', target: '/bucket/key' })), body: 'anything' }), 'anything')
})

test('a hash in a presigned URL is verified, and may not differ from the header', async () => {
  const headers = { 'x-amz-content-sha256': sha256(text) }
  const signed = await presign({ method: 'PUT', target: '/bucket/key', headers, body: text })
  assert.is(await read({ ...signed, body: text }), 'hello, world')
  assert.is(await codeOf(read({ ...signed, body: 'other' })), 'XAmzContentSHA256Mismatch')
  const twice = { ...signed, target: `${signed.target}&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD` }
  assert.is(await codeOf(check(twice)), 'InvalidArgument')
})

for (const value of ['', 'unsigned-payload', 'abc', 'STREAMING', 'g'.repeat(64), 'STREAMING-AWS4-HMAC-SHA1-PAYLOAD']) {
  test(`x-amz-content-sha256: ${value.slice(0, 40)}`, async () => {
    const signed = await put({ 'x-amz-content-sha256': value })
    assert.is(
      await codeOf(check({ ...signed, headers: { ...signed.headers, 'x-amz-content-sha256': value } })),
      'InvalidArgument',
    )
  })
}

test('chunks signed with elliptic curves are not implemented', async () => {
  const signed = await put({ 'x-amz-content-sha256': 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' })
  assert.is(await codeOf(check(signed)), 'NotImplemented')
})

test('the length of a body must be the announced one', async () => {
  for (const length of [11, 13]) {
    const signed = await put({ 'content-length': String(length), 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' })
    assert.is((await check(signed)).body.length, length)
    assert.is(await codeOf(read(signed)), 'IncompleteBody')
  }
  assert.is((await check(await put({}))).body.length, undefined)
  assert.is(await codeOf(check(await put({ 'content-length': '1e3' }))), 'InvalidArgument')
})
const md5 = createHash('md5').update(text).digest('base64')

/** Checksums of `hello, world`, from Python's zlib and hashlib. */
const checksums: Record<string, string> = {
  'x-amz-checksum-crc32': '/6tyOg==',
  'x-amz-checksum-sha1': 't+I+wpryKwtOQdox6GjVciYSHIQ=',
  'x-amz-checksum-sha256': 'Ccp+TqpuiunH0mEWcSkYSINkTQffuny/vEyKLgg2DVs=',
}

test('the checksum of a header must match the content, and is returned', async () => {
  for (const [name, value] of Object.entries(checksums)) {
    const { body } = await check(await put({ [name]: value }))
    await readAll(body)
    assert.equal([...body.checksums()], [[name, value]])
    const wrong = Buffer.alloc(Buffer.from(value, 'base64').length).toString('base64')
    const error = await errorOf(read(await put({ [name]: wrong })))
    assert.is(error.code, 'BadDigest')
    assert.match(error.message, /^The (CRC32|SHA1|SHA256) you specified did not match the calculated checksum\.$/)
  }
})

test('Content-MD5', async () => {
  const { body } = await check(await put({ 'content-md5': md5 }))
  await readAll(body)
  assert.is(body.checksums().size, 0)
  assert.is(await codeOf(read(await put({ 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }))), 'BadDigest')
  for (const value of ['', 'abc', md5.slice(0, -2), createHash('md5').update(text).digest('hex'), `${md5}AAAA`]) {
    assert.is(await codeOf(check(await put({ 'content-md5': value }))), 'InvalidDigest', value)
  }
})

const malformed: Record<string, Record<string, string>> = {
  'a value that is none': { 'x-amz-checksum-crc32': 'nonsense' },
  'a value of another length': { 'x-amz-checksum-crc32': checksums['x-amz-checksum-sha1'] ?? '' },
  'an algorithm that S3 has not': { 'x-amz-checksum-crc16': '/6tyOg==' },
  'two of them': checksums,
  'another algorithm than the SDK names': {
    'x-amz-checksum-crc32': '/6tyOg==',
    'x-amz-sdk-checksum-algorithm': 'SHA1',
  },
  'an algorithm of the SDK that S3 has not': { 'x-amz-sdk-checksum-algorithm': 'CRC16' },
}

for (const [name, headers] of Object.entries(malformed)) {
  test(`a checksum header with ${name}`, async () => {
    assert.is(await codeOf(check(await put(headers))), 'InvalidRequest')
  })
}

test('a checksum in header and trailer', async () => {
  const headers = {
    ...streaming('UNSIGNED-PAYLOAD-TRAILER', 12, 'x-amz-checksum-sha1'),
    'x-amz-checksum-crc32': '/6tyOg==',
  }
  assert.is(await codeOf(check(await put(headers))), 'InvalidRequest')
})

test('headers about checksums that contain no checksum', async () => {
  const headers = {
    'x-amz-checksum-mode': 'ENABLED',
    'x-amz-checksum-algorithm': 'CRC32',
    'x-amz-checksum-type': 'COMPOSITE',
    'x-amz-sdk-checksum-algorithm': 'CRC32',
  }
  assert.is(await read(await put(headers)), 'hello, world')
})

test('the checksum of CompleteMultipartUpload belongs to the object', async () => {
  const sent = {
    method: 'POST',
    target: '/bucket/key?uploadId=x',
    headers: { 'x-amz-checksum-crc32': 'AAAAAA==-3' },
    body: text,
  }
  assert.is(await read(await signHeader(sent)), 'hello, world')
})

test('a checksum of an empty body, which the SDK puts into presigned URLs, is not that of the body', async () => {
  const target = '/bucket/key?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32'
  assert.is(await read({ ...(await presign({ method: 'PUT', target })), body: text }), 'hello, world')
})
test.run()
