import {
  CreateBucketCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.overrides'
const Key = 'page.html'

const overrides = suite<{ gateway: Gateway; s3: S3Client; first: string }>('response-* parameters')

overrides.before(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
  const stored = { CacheControl: 'max-age=60', ContentLanguage: 'de', ContentType: 'text/x-stored' }
  const put = (Body: string, Metadata: Record<string, string>) =>
    context.s3.send(new PutObjectCommand({ Bucket, Key, Body, ...stored, Metadata }))
  context.first = (await put('first', { v: '1' })).VersionId ?? ''
  await put('second', { v: '2' })
})

overrides.after(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

const asked: Partial<GetObjectCommandInput> = {
  ResponseCacheControl: 'no-store',
  ResponseContentDisposition: 'attachment; filename="x.txt"',
  ResponseContentEncoding: 'identity',
  ResponseContentType: 'text/plain',
  ResponseExpires: new Date('2030-01-01T00:00:00Z'),
}
/** The request does not override the language. */
const expected = {
  'cache-control': 'no-store',
  'content-disposition': 'attachment; filename="x.txt"',
  'content-encoding': 'identity',
  'content-language': 'de',
  'content-type': 'text/plain',
  expires: 'Tue, 01 Jan 2030 00:00:00 GMT',
}

/** The headers of an answer that a request may override, and the metadata. */
function described(headers: Headers) {
  const names = [...Object.keys(expected), 'x-amz-meta-v']
  return Object.fromEntries(names.flatMap((name) => (headers.has(name) ? [[name, headers.get(name)]] : [])))
}

overrides('replace the recorded headers, in signed and presigned requests, of each version', async ({ s3, first }) => {
  for (const [VersionId, v, body] of [
    [undefined, '2', 'second'],
    [first, '1', 'first'],
  ] as const) {
    const command = new GetObjectCommand({ Bucket, Key, ...(VersionId && { VersionId }), ...asked })
    const presigned = await fetch(await getSignedUrl(s3, command))
    assert.is(presigned.status, 200)
    assert.equal(described(presigned.headers), { ...expected, 'x-amz-meta-v': v })
    assert.is(await presigned.text(), body)

    const signed = await s3.send(command)
    assert.equal(
      [signed.CacheControl, signed.ContentType, signed.ContentLanguage, signed.ExpiresString, signed.Metadata],
      ['no-store', 'text/plain', 'de', expected.expires, { v }],
    )
    assert.is(await signed.Body?.transformToString(), body)
  }
})

overrides('leave the record unchanged, and apply to ranges', async ({ s3 }) => {
  const ranged = await s3.send(new GetObjectCommand({ Bucket, Key, ...asked, Range: 'bytes=1-2' }))
  assert.equal([ranged.$metadata.httpStatusCode, ranged.ContentType], [206, 'text/plain'])
  assert.is(await ranged.Body?.transformToString(), 'ec')
  const plain = await s3.send(new GetObjectCommand({ Bucket, Key }))
  assert.equal(
    [plain.ContentType, plain.CacheControl, plain.ContentDisposition],
    ['text/x-stored', 'max-age=60', undefined],
  )
})

overrides('are refused in unsigned requests', async ({ gateway, first }) => {
  const path = `/${Bucket}/${Key}`
  assert.is((await ask(gateway.port, 'GET', path)).status, 200)
  for (const query of [
    'response-content-type=text/plain',
    `versionId=${first}&response-expires=0`,
    'response-cache-control',
  ]) {
    const { status, code, text } = await ask(gateway.port, 'GET', `${path}?${query}`)
    assert.equal([status, code], [400, 'InvalidRequest'])
    assert.match(text, 'Request specific response headers cannot be used for anonymous GET requests.')
  }
  assert.is((await ask(gateway.port, 'HEAD', `${path}?response-content-type=text/plain`)).status, 400)
})

overrides.run()
