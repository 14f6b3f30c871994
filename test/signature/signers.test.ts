import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { SignatureV4 } from '@smithy/signature-v4'
import aws4 from 'aws4'
import { Client as MinioClient } from 'minio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { authenticate } from '../../lib/signature/authenticate.js'
import { authenticatePost } from '../../lib/signature/post-policy.js'
import { codeOf } from '../support/s3-error.js'
import { exampleCredentials, exampleKey, received, type Sent } from './request.js'
import { NodeSha256, presign, signedAt, signHeader, type ToSign } from './signer.js'

const test = suite('other signers')

const keys = [
  'plain',
  'a b',
  'a+b',
  'a%b',
  'a%2Fb',
  'a//b',
  '//a',
  'a/./b',
  'a/../b',
  '~x',
  "(it's)*!",
  'a&b=c',
  '日本/語',
  '😀',
  '\t',
]

function check(sent: Sent, now = signedAt) {
  return authenticate(received(sent), { credentials: exampleCredentials, now: () => now })
}

/** As S3 clients encode a key: AWS's unreserved characters and the slash stay. */
function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

for (const key of keys) {
  test(`smithy signs the key ${JSON.stringify(key)}`, async () => {
    for (const path of [encodeKey(key), encodeURI(key).replace(/[?#]/g, encodeURIComponent)]) {
      await check(await signHeader({ target: `/bucket/${path}?versionId=a%2Bb` }))
      await check(await presign({ target: `/bucket/${path}` }))
    }
  })

  test(`aws4 signs the key ${JSON.stringify(key)}`, async () => {
    for (const signQuery of [false, true]) {
      const signed = aws4.sign(
        {
          host: 'gateway.example',
          path: `/bucket/${encodeKey(key)}?prefix=x%20y${signQuery ? '&X-Amz-Expires=60' : ''}`,
          service: 's3',
          signQuery,
          // The only way to tell it the time.
          headers: signQuery ? {} : { 'X-Amz-Date': '20260203T040506Z' },
        },
        exampleKey,
      )
      const now = signQuery ? new Date() : signedAt
      await check({ target: signed.path ?? '', headers: signed.headers as Record<string, string> }, now)
    }
  })
}

/** The cases of AWS's own test vectors for Signature V4, where S3's rules apply to them. */
const vectors: Record<string, ToSign> = {
  'get-vanilla': { target: '/' },
  'get-vanilla-query': { target: '/?Param1=value1' },
  'get-vanilla-empty-query-key': { target: '/?Param1=' },
  'get-vanilla-query-order-key': { target: '/?Param2=value2&Param1=value1&Param10=x&param1=y' },
  'get-vanilla-query-order-value': { target: '/?Param1=value2&Param1=value1&Param1=Value' },
  'get-vanilla-query-unreserved': { target: '/?-._~0123456789ABCXYZabcxyz=-._~0123456789ABCXYZabcxyz' },
  'get-vanilla-utf8-query': { target: '/?%E1%88%B4=bar' },
  'get-unreserved': { target: '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz' },
  'get-utf8': { target: '/%E1%88%B4' },
  'get-space': { target: '/example%20space/' },
  'get-slash': { target: '//' },
  'get-slash-dot-slash': { target: '/./' },
  'get-slash-pointless-dot': { target: '/./example' },
  'get-slashes': { target: '//example//' },
  'get-relative': { target: '/example/..' },
  'get-relative-relative': { target: '/example1/example2/../..' },
  'get-header-value-trim': { target: '/', headers: { 'my-header1': ' value1', 'my-header2': ' "a   b   c" ' } },
  'get-header-value-order': { target: '/', headers: { 'my-header1': 'value4,value1,value3,value2' } },
  'post-header-key-case': { method: 'POST', target: '/', headers: { 'My-Header1': 'VALUE1' } },
  'post-x-www-form-urlencoded': {
    method: 'POST',
    target: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf8' },
    body: 'Param1=value1',
  },
  'post-sts-header': { method: 'POST', target: '/', headers: { 'x-amz-security-token': 'AQoDYXdzEPT//wEXAMPLE' } },
}

for (const [name, sent] of Object.entries(vectors)) {
  test(`test vector ${name}`, async () => {
    const { identity } = await check(await signHeader(sent))
    assert.is(identity.accessKeyId, exampleKey.accessKeyId)
  })
}

test('test vector get-header-key-duplicate: values are signed in the order of sending', async () => {
  const { headers, ...sent } = await signHeader({ target: '/', headers: { 'my-header1': 'value2,value1' } })
  const { 'my-header1': _, ...others } = headers
  const twice = (first: string, second: string) =>
    [...Object.entries(others), ['my-header1', first], ['My-Header1', second]] as const
  await check({ ...sent, headers: twice('value2', 'value1') })
  assert.is(await codeOf(check({ ...sent, headers: twice('value1', 'value2') })), 'SignatureDoesNotMatch')
})

test('a signer that encodes the path twice, as for other services, is refused', async () => {
  const twice = new SignatureV4({ service: 's3', region: 'us-east-1', credentials: exampleKey, sha256: NodeSha256 })
  const { headers } = await twice.sign(
    { protocol: 'http:', hostname: 'h', method: 'GET', path: '/a%20b', headers: { host: 'h' } },
    { signingDate: signedAt },
  )
  assert.is(await codeOf(check({ target: '/a%20b', headers })), 'SignatureDoesNotMatch')
})

const sdk = new S3Client({
  endpoint: 'http://gateway.example',
  region: 'us-east-1',
  credentials: exampleKey,
  forcePathStyle: true,
})

function sentTo(url: string, method: string, headers: Record<string, string> = {}): Sent {
  const { host } = new URL(url)
  return { method, target: url.slice(url.indexOf(host) + host.length), headers: { Host: host, ...headers } }
}

for (const key of keys) {
  test(`the AWS SDK presigns the key ${JSON.stringify(key)}`, async () => {
    const get = await getSignedUrl(sdk, new GetObjectCommand({ Bucket: 'bucket', Key: key }), { expiresIn: 60 })
    await check(sentTo(get, 'GET'), new Date())
    const put = await getSignedUrl(sdk, new PutObjectCommand({ Bucket: 'bucket', Key: key, Metadata: { a: 'b' } }))
    await check(sentTo(put, 'PUT'), new Date())
  })
}

const minio = new MinioClient({
  endPoint: 'gateway.example',
  useSSL: false,
  region: 'us-east-1',
  accessKey: exampleKey.accessKeyId,
  secretKey: exampleKey.secretAccessKey,
})

// minio-js does not presign a key with `.` or `..` or that begins with a slash as it stands.
for (const key of keys.filter((one) => !/\.|^\//.test(one))) {
  test(`minio presigns the key ${JSON.stringify(key)}`, async () => {
    await check(sentTo(await minio.presignedGetObject('bucket', key, 60), 'GET'), new Date())
    await check(sentTo(await minio.presignedPutObject('bucket', key, 60), 'PUT'), new Date())
  })
}

test('the AWS SDK signs a form', async () => {
  const { fields } = await createPresignedPost(sdk, {
    Bucket: 'bucket',
    Key: ['up/$', '{filename}'].join(''),
    Fields: { acl: 'private' },
    Conditions: [['content-length-range', 0, 5]],
  })
  const { limits } = await postForm({ ...fields, key: 'up/name' })
  assert.equal(limits, { minLength: 0, maxLength: 5 })
  assert.is(await codeOf(postForm({ ...fields, key: 'elsewhere/name' })), 'AccessDenied')
})

test('minio signs a form', async () => {
  const policy = minio.newPostPolicy()
  policy.setBucket('bucket')
  policy.setKeyStartsWith('up/')
  policy.setContentLengthRange(1, 9)
  policy.setExpires(new Date(Date.now() + 60_000))
  const { formData } = await minio.presignedPostPolicy(policy)
  const { limits } = await postForm({ ...formData, key: 'up/name' })
  assert.equal(limits, { minLength: 1, maxLength: 9 })
})

function postForm(fields: Record<string, string>) {
  const lower = Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value] as const)
  return authenticatePost(new Map(lower), 'bucket', { credentials: exampleCredentials })
}

test.run()
