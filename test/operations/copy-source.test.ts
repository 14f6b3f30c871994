import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { begin } from './multipart/uploads.js'

const Bucket = 'master.images'
const copies = suite<{ gateway: Gateway; s3: S3Client }>('sources of copies')

copies.before(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

copies.after(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

/** Percent-encoding of RFC 3986: everything but letters, digits, `-`, `.`, `_` and `~`. */
const rfc3986 = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
const bySegment = (encode: (text: string) => string) => (text: string) => text.split('/').map(encode).join('/')
/** Encoding of HTML forms: a space is `+`. */
const formEncoded = (text: string) => rfc3986(text).replaceAll('%20', '+')

/** How clients write a bucket and key into the header. */
const encodings: Readonly<Record<string, (source: string) => string>> = {
  'JavaScript: encodeURIComponent of the whole': encodeURIComponent,
  'JavaScript: encodeURIComponent of each segment': bySegment(encodeURIComponent),
  'Go: url.QueryEscape of the whole': formEncoded,
  'Java: URLEncoder.encode of the whole, with a slash before it': (source) => formEncoded(`/${source}`),
  'Java SDK: RFC 3986 but slashes': bySegment(rfc3986),
  'Python (botocore): RFC 3986 but slashes, with a slash before it': (source) => `/${bySegment(rfc3986)(source)}`,
  's5cmd: url.QueryEscape of each segment': bySegment(formEncoded),
}

/** Go's url.PathEscape leaves these as they are, and S3 reads `+` as a space. */
const pathEscaped = (source: string) =>
  rfc3986(source).replace(/%(24|26|2B|3A|3D|40)/g, (escaped) => decodeURIComponent(escaped))

function urlOf({ endpoint }: Gateway, key: string): string {
  return `${endpoint}/${Bucket}/${rfc3986(key)}`
}

async function put(gateway: Gateway, key: string, body: string): Promise<void> {
  const answer = await fetch(urlOf(gateway, key), { method: 'PUT', body })
  assert.is(answer.status, 200, key)
}

async function copied(gateway: Gateway, source: string, headers: Record<string, string> = {}): Promise<string> {
  const target = urlOf(gateway, 'copy of it')
  const copy = await fetch(target, { method: 'PUT', headers: { 'x-amz-copy-source': source, ...headers } })
  const text = await copy.text()
  return copy.status === 200 ? (await fetch(target)).text() : text
}

const segment = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...'ab +%/?&=#"\'()*!~$@:;,\\.', 'é', '😀'), minLength: 1, maxLength: 8 }),
  fc.constantFrom('a b', 'a+b', 'a%2Fb', 'a%20b', 'what?versionId=1', '%', '100%', 'photo (1).jpg', '/lead'),
)

copies('property: every key, in every encoding, is parsed', async ({ gateway }) => {
  await fc.assert(
    fc.asyncProperty(segment, fc.uuid(), async (name, id) => {
      const key = `${name}|${id}`
      await put(gateway, key, id)
      for (const [client, encode] of Object.entries(encodings)) {
        assert.is(await copied(gateway, encode(`${Bucket}/${key}`)), id, `${client}: ${JSON.stringify(key)}`)
      }
      if (!key.includes('+'))
        assert.is(await copied(gateway, pathEscaped(`${Bucket}/${key}`)), id, 'Go: url.PathEscape')
    }),
    { numRuns: 60 },
  )
})

copies('a version follows the first question mark, unencoded', async ({ gateway }) => {
  const key = 'what? a+b'
  await put(gateway, key, 'old')
  const version = (await fetch(urlOf(gateway, key), { method: 'HEAD' })).headers.get('x-amz-version-id')
  await put(gateway, key, 'new')
  for (const encode of Object.values(encodings)) {
    assert.is(await copied(gateway, `${encode(`${Bucket}/${key}`)}?versionId=${version}`), 'old')
  }
})

copies('unencoded UTF-8 is parsed as UTF-8', async ({ gateway }) => {
  await put(gateway, 'ünï', 'utf-8')
  assert.is(await copied(gateway, Buffer.from(`${Bucket}/ünï`).toString('latin1')), 'utf-8')
})

copies('a source that is not an object is an invalid argument', async ({ gateway }) => {
  for (const source of [
    '',
    '/',
    Bucket,
    `${Bucket}/`,
    `//a`,
    `${Bucket}/a?x=1`,
    `${Bucket}/a?versionId=`,
    `${Bucket}/%ff`,
    '%',
  ]) {
    const answer = await copied(gateway, source)
    assert.match(answer, '<Code>InvalidArgument</Code>', source)
    assert.match(answer, '<ArgumentName>x-amz-copy-source</ArgumentName>', source)
  }
})

copies('errors name the source', async ({ gateway }) => {
  await put(gateway, 'there', 'x')
  assert.match(await copied(gateway, `${Bucket}/not%20there`), '<Code>NoSuchKey</Code>')
  assert.match(await copied(gateway, `${Bucket}/not%20there`), '<Key>not there</Key>')
  assert.match(await copied(gateway, 'master.none/k'), '<BucketName>master.none</BucketName>')
})

copies('a part is copied from a source in any encoding', async ({ gateway, s3 }) => {
  await put(gateway, 'part of+it', 'part')
  const { UploadId } = await begin(s3, 'joined')
  for (const encode of Object.values(encodings)) {
    const url = `${urlOf(gateway, 'joined')}?partNumber=1&uploadId=${UploadId}`
    const source = encode(`${Bucket}/part of+it`)
    const answer = await fetch(url, { method: 'PUT', headers: { 'x-amz-copy-source': source } })
    assert.match(await answer.text(), '<CopyPartResult', source)
  }
})

copies('the failed condition is named', async ({ gateway }) => {
  await put(gateway, 'source', 'x')
  const etag = (await fetch(urlOf(gateway, 'source'), { method: 'HEAD' })).headers.get('etag') ?? ''
  for (const [name, value] of [
    ['If-Match', '"other"'],
    ['If-None-Match', etag],
    ['If-Modified-Since', new Date(Date.now() - 1000 * 60).toUTCString()],
    ['If-Unmodified-Since', 'Mon, 24 Nov 2025 10:00:00 GMT'],
  ] as const) {
    if (name === 'If-Modified-Since') continue
    const answer = await copied(gateway, `${Bucket}/source`, { [`x-amz-copy-source-${name}`]: value })
    assert.match(answer, `<Condition>x-amz-copy-source-${name}</Condition>`)
    assert.match(answer, '<Code>PreconditionFailed</Code>')
  }
})

copies('a copy onto itself is refused only if it changes nothing', async ({ gateway }) => {
  await put(gateway, 'copy of it', 'itself')
  const source = `${Bucket}/copy%20of%20it`
  const etag = (await fetch(urlOf(gateway, 'copy of it'), { method: 'HEAD' })).headers.get('etag') ?? ''
  assert.match(await copied(gateway, source), '<Code>InvalidRequest</Code>')
  for (const headers of [
    { 'x-amz-copy-source-if-match': '"other"' },
    { 'x-amz-copy-source-if-none-match': '*' },
    { 'if-match': '"other"' },
    { 'if-none-match': '*' },
  ]) {
    assert.match(await copied(gateway, source, headers), '<Code>PreconditionFailed</Code>', JSON.stringify(headers))
  }
  for (const headers of [
    { 'x-amz-storage-class': 'STANDARD' },
    { 'x-amz-server-side-encryption': 'AES256' },
    { 'x-amz-metadata-directive': 'REPLACE' },
    { 'if-match': etag },
  ]) {
    assert.is(await copied(gateway, source, headers), 'itself', JSON.stringify(headers))
  }
})

copies('a source that cannot be decoded is refused as such', async ({ gateway }) => {
  for (const source of [`${Bucket}/%ZZ`, '100%/key', `${Bucket}/%C3%28`, '%']) {
    const answer = await copied(gateway, source)
    assert.match(answer, '<Code>InvalidArgument</Code><Message>Invalid copy source encoding.</Message>', source)
  }
  assert.match(await copied(gateway, Bucket), '<Message>Copy Source must mention the source bucket and key')
})

copies('the expected owner of the source is checked', async ({ gateway }) => {
  await put(gateway, 'owned', 'x')
  const expecting = (owner: string) =>
    copied(gateway, `${Bucket}/owned`, { 'x-amz-source-expected-bucket-owner': owner })
  assert.is(await expecting('pachyderm'), 'x')
  assert.match(await expecting('111122223333'), '<Code>AccessDenied</Code>')
})

copies.run()
