import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { authenticate } from '../../lib/signature/authenticate.js'
import { exampleCredentials, exampleKey, pieces, readAll, received, type Sent } from './request.js'

/** The examples that AWS publishes in the S3 documentation: Signature V4 (header, query, chunks, trailer) and V2. */
const test = suite('signatures published by AWS')

const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const in2013 = () => new Date('2013-05-24T00:01:00Z')

function check(sent: Sent, now: () => Date, virtualHostBucket?: string) {
  return authenticate(received(sent), { credentials: exampleCredentials, now }, virtualHostBucket)
}

function v4Header(signedHeaders: string, signature: string): string {
  return `AWS4-HMAC-SHA256 Credential=${exampleKey.accessKeyId}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`
}

const v4Headers = {
  Host: 'examplebucket.s3.amazonaws.com',
  'x-amz-content-sha256': nothing,
  'x-amz-date': '20130524T000000Z',
}

const v4: Record<string, Sent> = {
  'GET Object': {
    target: '/test.txt',
    headers: {
      ...v4Headers,
      Range: 'bytes=0-9',
      Authorization: v4Header(
        'host;range;x-amz-content-sha256;x-amz-date',
        'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      ),
    },
  },
  'PUT Object': {
    method: 'PUT',
    target: '/test$file.text',
    headers: {
      ...v4Headers,
      Date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      Authorization: v4Header(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    },
    body: 'Welcome to Amazon S3.',
  },
  'GET Bucket Lifecycle': {
    target: '/?lifecycle',
    headers: {
      ...v4Headers,
      Authorization: v4Header(
        'host;x-amz-content-sha256;x-amz-date',
        'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
      ),
    },
  },
  'Get Bucket (List Objects)': {
    target: '/?max-keys=2&prefix=J',
    headers: {
      ...v4Headers,
      Authorization: v4Header(
        'host;x-amz-content-sha256;x-amz-date',
        '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      ),
    },
  },
  'presigned URL': {
    target:
      '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    headers: { Host: 'examplebucket.s3.amazonaws.com' },
  },
}

for (const [name, sent] of Object.entries(v4)) {
  test(`V4: ${name}`, async () => {
    const { identity, body } = await check(sent, in2013)
    assert.equal(identity.accessKeyId, exampleKey.accessKeyId)
    assert.is((await readAll(body)).toString(), sent.body ?? '')
  })
}

const chunks = [
  ['10000', 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648', 65536],
  ['400', '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497', 1024],
  ['0', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9', 0],
] as const

const chunksBeforeTrailer = [
  ['10000', 'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2', 65536],
  ['400', '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7', 1024],
] as const

function framed(list: readonly (readonly [string, string, number])[]): string {
  return list
    .map(([size, signature, length]) => `${size};chunk-signature=${signature}\r\n${'a'.repeat(length)}\r\n`)
    .join('')
}

const streamed = {
  Host: 's3.amazonaws.com',
  'x-amz-date': '20130524T000000Z',
  'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  'Content-Encoding': 'aws-chunked',
  'x-amz-decoded-content-length': '66560',
}

test('V4: signed chunks', async () => {
  const { body } = await check(
    {
      method: 'PUT',
      target: '/examplebucket/chunkObject.txt',
      headers: {
        ...streamed,
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'Content-Length': '66824',
        Authorization: v4Header(
          'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
          '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
        ),
      },
      body: pieces(Buffer.from(framed(chunks)), 1000),
    },
    in2013,
  )
  assert.is(body.length, 66560)
  assert.is((await readAll(body)).toString(), 'a'.repeat(66560))
})

test('V4: signed chunks with a signed trailer', async () => {
  const { body } = await check(
    {
      method: 'PUT',
      target: '/examplebucket/chunkObject.txt',
      headers: {
        ...streamed,
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
        'x-amz-trailer': 'x-amz-checksum-crc32c',
        Authorization: v4Header(
          'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
          '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
        ),
      },
      body: [
        framed(chunksBeforeTrailer),
        '0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n',
        'x-amz-checksum-crc32c:sOO8/Q==\r\n',
        'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
        '\r\n',
      ].join(''),
    },
    in2013,
  )
  assert.is((await readAll(body)).length, 66560)
  assert.equal([...body.checksums()], [['x-amz-checksum-crc32c', 'sOO8/Q==']])
})

interface V2Example {
  readonly at: string
  readonly sent: Sent
  readonly signature: string
  readonly bucket?: string
}

const v2: Record<string, V2Example> = {
  'Object GET': {
    at: 'Tue, 27 Mar 2007 19:36:42 +0000',
    sent: { target: '/photos/puppy.jpg' },
    signature: 'bWq2s1WEIj+Ydj0vQ697zp+IXMU=',
    bucket: 'johnsmith',
  },
  'Object PUT': {
    at: 'Tue, 27 Mar 2007 21:15:45 +0000',
    sent: { method: 'PUT', target: '/photos/puppy.jpg', headers: { 'Content-Type': 'image/jpeg' } },
    signature: 'MyyxeRY7whkBe+bq8fHCL/2kKUg=',
    bucket: 'johnsmith',
  },
  List: {
    at: 'Tue, 27 Mar 2007 19:42:41 +0000',
    sent: { target: '/?prefix=photos&max-keys=50&marker=puppy' },
    signature: 'htDYFYduRNen8P9ZfE/s9SuKy0U=',
    bucket: 'johnsmith',
  },
  'Fetch of the access control policy': {
    at: 'Tue, 27 Mar 2007 19:44:46 +0000',
    sent: { target: '/?acl' },
    signature: 'c2WLPFtWHVgbEmeEG93a4cG37dM=',
    bucket: 'johnsmith',
  },
  'List All My Buckets': {
    at: 'Wed, 28 Mar 2007 01:29:59 +0000',
    sent: { target: '/' },
    signature: 'qGdzdERIC03wnaRNKh6OqZehG9s=',
  },
  'Unicode Keys': {
    at: 'Wed, 28 Mar 2007 01:49:49 +0000',
    sent: { target: '/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re' },
    signature: 'DNEZGsoieTZ92F3bUfSPQcbGmlM=',
  },
  Upload: {
    at: 'Tue, 27 Mar 2007 21:06:08 +0000',
    sent: {
      method: 'PUT',
      target: '/db-backup.dat.gz',
      headers: [
        ['x-amz-acl', 'public-read'],
        ['content-type', 'application/x-download'],
        ['Content-MD5', '4gJE4saaMU4BqNR0kLY+lw=='],
        ['X-Amz-Meta-ReviewedBy', 'joe@johnsmith.net'],
        ['X-Amz-Meta-ReviewedBy', 'jane@johnsmith.net'],
        ['X-Amz-Meta-FileChecksum', '0x02661779'],
        ['X-Amz-Meta-ChecksumAlgorithm', 'crc32'],
      ],
    },
    signature: 'ilyl83RwaSoYIEdixDQcA4OnAnc=',
    bucket: 'static.johnsmith.net',
  },
}

for (const [name, { at, sent, signature, bucket }] of Object.entries(v2)) {
  test(`V2: ${name}`, async () => {
    const given = sent.headers ?? []
    const headers = [
      ...(Symbol.iterator in given ? [...given] : Object.entries(given)),
      ['Date', at] as const,
      ['Authorization', `AWS ${exampleKey.accessKeyId}:${signature}`] as const,
    ]
    const { identity } = await check({ ...sent, headers }, () => new Date(Date.parse(at) + 60_000), bucket)
    assert.is(identity.accessKeyId, exampleKey.accessKeyId)
  })
}

test('V2: query string', async () => {
  const { identity } = await check(
    {
      target:
        '/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D',
    },
    () => new Date(1175139620_000),
    'johnsmith',
  )
  assert.is(identity.accessKeyId, exampleKey.accessKeyId)
})

test.run()
