import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'

const requests = suite<{ gateway: Gateway; closed: Gateway }>('headers of requests')

requests.before(async (context) => {
  const pfs = createMemoryPfs({ repos: { images: { master: {} } } })
  context.gateway = await startGateway({ pfs })
  context.closed = await startGateway({
    pfs: createMemoryPfs({ rootToken: 'root' }),
    authConfig: { mode: 'pachyderm' },
    options: { region: 'eu-west-1' },
  })
})

requests.after(async ({ gateway, closed }) => {
  await gateway.close()
  await closed.close()
})

interface Sent {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function send({ endpoint }: Gateway, method: string, target: string, more: RequestInit = {}): Promise<Sent> {
  const answer = await fetch(endpoint + target, { method, ...more })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const field = (text: string, name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1]

requests('headers without effect are accepted', async ({ gateway }) => {
  for (const headers of [
    { 'x-amz-server-side-encryption': 'AES256' },
    { 'x-amz-storage-class': 'STANDARD' },
    { 'x-amz-tagging': '' },
    { 'x-amz-acl': 'private' },
    { 'x-amz-acl': 'bucket-owner-full-control' },
    { 'x-amz-request-payer': 'requester' },
    { 'x-amz-expected-bucket-owner': 'pachyderm' },
  ]) {
    const put = await send(gateway, 'PUT', '/images/accepted', { headers, body: 'x' })
    assert.is(put.status, 200, JSON.stringify(headers))
    const begun = await send(gateway, 'POST', '/images/accepted?uploads', { headers })
    assert.is(begun.status, 200, JSON.stringify(headers))
    const encryption = 'x-amz-server-side-encryption'
    const asked = headers[encryption] ?? null
    assert.equal([put.headers.get(encryption), begun.headers.get(encryption)], [asked, asked])
  }
})

requests('unsupported headers are refused with a status that clients do not retry', async ({ gateway }) => {
  for (const [name, value, status, code] of [
    ['x-amz-server-side-encryption', 'aws:kms', 400, 'InvalidEncryptionAlgorithmError'],
    ['x-amz-server-side-encryption', 'aws:kms:dsse', 400, 'InvalidEncryptionAlgorithmError'],
    ['x-amz-server-side-encryption-aws-kms-key-id', 'id', 400, 'InvalidRequest'],
    ['x-amz-server-side-encryption-customer-algorithm', 'AES256', 400, 'InvalidRequest'],
    ['x-amz-server-side-encryption-context', 'e30=', 400, 'InvalidRequest'],
    ['x-amz-storage-class', 'GLACIER', 400, 'InvalidStorageClass'],
    ['x-amz-acl', 'public-read', 400, 'AccessControlListNotSupported'],
    ['x-amz-grant-read', 'id=1', 400, 'AccessControlListNotSupported'],
    ['x-amz-object-lock-mode', 'GOVERNANCE', 400, 'InvalidRequest'],
    ['x-amz-write-offset-bytes', '3', 501, 'NotImplemented'],
    ['if-none-match', '"tag"', 501, 'NotImplemented'],
  ] as const) {
    const { status: got, text } = await send(gateway, 'PUT', '/images/refused', {
      headers: { [name]: value },
      body: 'x',
    })
    assert.equal([got, field(text, 'Code')], [status, code], name)
    if (code !== 'InvalidStorageClass') assert.is(field(text, 'Header')?.toLowerCase(), name)
  }
  assert.is((await send(gateway, 'HEAD', '/images/refused')).status, 404)
})

requests('a wrong expected owner is refused for every action', async ({ gateway }) => {
  const headers = { 'x-amz-expected-bucket-owner': '111122223333' }
  for (const [method, target] of [
    ['GET', '/images'],
    ['GET', '/images?location'],
    ['PUT', '/images/k'],
    ['DELETE', '/images/k'],
    ['POST', '/images/k?uploads'],
  ] as const) {
    const { status, text } = await send(gateway, method, target, { headers })
    assert.equal([status, field(text, 'Code')], [403, 'AccessDenied'], `${method} ${target}`)
  }
})

requests('a condition on a missing key names the key', async ({ gateway }) => {
  for (const method of ['PUT', 'DELETE']) {
    const { status, text } = await send(gateway, method, '/images/none', { headers: { 'if-match': '"tag"' } })
    assert.equal([status, field(text, 'Code'), field(text, 'Key')], [404, 'NoSuchKey', 'none'], method)
  }
})

requests('a directory is not a key, and the error names it', async ({ gateway }) => {
  await send(gateway, 'PUT', '/images/directory/file', { body: 'x' })
  for (const target of ['/images/directory', '/images/directory?attributes']) {
    const { text } = await send(gateway, 'GET', target, { headers: { 'x-amz-object-attributes': 'ETag' } })
    assert.equal([field(text, 'Code'), field(text, 'Key')], ['NoSuchKey', 'directory'], target)
  }
})

requests('bucket requests return the region, even to callers without rights', async ({ gateway, closed }) => {
  for (const target of ['/images', '/images?list-type=2']) {
    const { headers } = await send(gateway, 'GET', target)
    assert.is(headers.get('x-amz-bucket-region'), 'us-east-1', target)
  }
  const head = await send(closed, 'HEAD', '/images')
  assert.equal([head.status, head.headers.get('x-amz-bucket-region')], [403, 'eu-west-1'])
})

requests('a bucket can be created only in the region of the gateway, if it has one', async ({ gateway }) => {
  const create = async (constraint: string, to = gateway) => {
    const body = `<CreateBucketConfiguration><LocationConstraint>${constraint}</LocationConstraint></CreateBucketConfiguration>`
    return field((await send(to, 'PUT', '/master.located', { body })).text, 'Code')
  }
  const inEurope = await startGateway({ pfs: gateway.pfs, options: { region: 'eu-west-1' } })
  assert.is(await create('us-west-2', inEurope), 'IllegalLocationConstraintException')
  assert.is(await create('europe', inEurope), 'InvalidLocationConstraint')
  await inEurope.close()
  assert.is(await create('us-east-1'), 'InvalidLocationConstraint')
  assert.is((await send(gateway, 'HEAD', '/master.located')).status, 404)
  assert.is(await create('eu-west-1'), undefined)
  assert.is((await send(gateway, 'HEAD', '/master.located')).status, 200)
})

requests('an ACL that S3 does not have is an invalid argument', async ({ gateway }) => {
  const headers = { 'x-amz-acl': 'everyone' }
  for (const target of ['/images/refused', '/images?acl']) {
    const { status, text } = await send(gateway, 'PUT', target, { headers })
    assert.equal([status, field(text, 'Code'), field(text, 'ArgumentName')], [400, 'InvalidArgument', 'x-amz-acl'])
  }
})

requests('an unsupported kind of bucket is refused', async ({ gateway }) => {
  for (const [headers, code] of [
    [{ 'x-amz-acl': 'public-read' }, 'InvalidBucketAclWithObjectOwnership'],
    [{ 'x-amz-acl': 'everyone' }, 'InvalidArgument'],
    [{ 'x-amz-grant-write': 'id=1' }, 'InvalidBucketAclWithObjectOwnership'],
    [{ 'x-amz-bucket-object-lock-enabled': 'true' }, 'NotImplemented'],
    [{ 'x-amz-object-ownership': 'ObjectWriter' }, 'NotImplemented'],
  ] as const) {
    assert.is(field((await send(gateway, 'PUT', '/master.other', { headers })).text, 'Code'), code)
  }
  const headers = { 'x-amz-acl': 'private', 'x-amz-object-ownership': 'BucketOwnerEnforced' }
  assert.is((await send(gateway, 'PUT', '/master.other', { headers })).status, 200)
})

requests('an empty token or the region of the gateway lists all buckets, another region none', async ({ gateway }) => {
  for (const query of ['?continuation-token=', '?continuation-token=&max-buckets=10', '?bucket-region=us-east-1']) {
    assert.match((await send(gateway, 'GET', `/${query}`)).text, '<Name>master.images</Name>')
  }
  assert.not.match((await send(gateway, 'GET', '/?bucket-region=eu-west-1')).text, '<Name>')
})

requests('a delete marker allows the method DELETE', async ({ gateway }) => {
  await send(gateway, 'PUT', '/images/marked', { body: 'x' })
  const removed = await send(gateway, 'DELETE', '/images/marked')
  const target = `/images/marked?versionId=${removed.headers.get('x-amz-version-id')}`
  for (const method of ['GET', 'HEAD']) {
    const { status, headers } = await send(gateway, method, target)
    assert.equal([status, headers.get('allow')], [405, 'DELETE'], method)
  }
  assert.is((await send(gateway, 'PATCH', '/images')).headers.get('allow'), 'GET, HEAD, PUT, DELETE')
})

requests('checksums of every algorithm are verified, echoed and refused', async ({ gateway }) => {
  // Checksums of "hello", from the AWS Common Runtime and Python's hashlib.
  for (const [algorithm, value] of [
    ['crc32', 'NhCmhg=='],
    ['crc64nvme', 'M3eFcAZSQlc='],
    ['md5', 'XUFAKrxLKna5cZ2REBfFkg=='],
    ['sha512', 'm3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw=='],
    ['xxhash64', 'JseCfYifbaM='],
    ['xxhash3', 'lVXoVVxi3P0='],
    ['xxhash128', 'tenBrQcbPn/Hec+qXlI4GA=='],
  ] as const) {
    const name = `x-amz-checksum-${algorithm}`
    const put = (body: string) => send(gateway, 'PUT', `/images/${algorithm}`, { headers: { [name]: value }, body })
    const proven = await put('hello')
    assert.equal([proven.status, proven.headers.get(name)], [200, value], algorithm)
    assert.is(proven.headers.get('x-amz-checksum-type'), 'FULL_OBJECT')
    assert.is(field((await put('hallo')).text, 'Code'), 'BadDigest', algorithm)
    const trailer = await send(gateway, 'PUT', `/images/${algorithm}-trailer`, {
      headers: {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': '5',
        'x-amz-trailer': name,
      },
      body: `5\r\nhello\r\n0\r\n${name}:${value}\r\n\r\n`,
    })
    assert.equal([trailer.status, trailer.headers.get(name)], [200, value], `${algorithm} in a trailer`)
  }
})

requests.run()
