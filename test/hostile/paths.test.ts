import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { signV4, type Unsigned } from '../support/sign.js'
import { exchange, outcomeOf } from '../support/wire.js'
import { ask, type House, openHouse, stored, storedPaths } from './house.js'

/** README.md, Authorisation and paths: the number before a test's name is that of the class. */
const test = suite<{ house: House }>('authorisation and paths')

test.before(async (context) => {
  context.house = await openHouse('keys')
})

test.after(({ house }) => house.close())

async function put(house: House, target: string, body = 'content'): Promise<void> {
  assert.is(outcomeOf(await ask(house, { method: 'PUT', target, body })), '200')
}

/** The decoded keys of a bucket, from the gateway's own listing. */
async function listedKeys(house: House, bucket: string): Promise<readonly string[]> {
  const { body } = await ask(house, { target: `/${bucket}?list-type=2&encoding-type=url` })
  return [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => decodeURIComponent(key.replaceAll('+', ' ')))
}

for (const key of [
  '..',
  '.',
  '../../shared/x',
  '../shared/x',
  'a/../../shared/x',
  './x',
  'a/./b',
  'a//b',
  '/lead',
  '//x',
  'tail/',
  'tail//',
  '%2e%2e/x',
  '%2E%2E%2Fx',
  '..\\..\\shared',
  'nul\0in',
  'line\r\nbreak',
  '\u0001\u001f\u007f',
  '__proto__',
  'constructor/prototype',
  'glob*?[a]{b}',
  '\uffff\ufffe',
  '😀/日本語',
  '~@master:/x',
]) {
  test(`15: the key ${JSON.stringify(key)} is stored, read back, and affects nothing else`, async ({ house }) => {
    const target = `/alice/${key
      .split('/')
      .map((part) => encodeURIComponent(part).replace(/\.(?=.?$)/g, '%2e'))
      .join('/')}`
    await put(house, target, key)
    assert.is((await ask(house, { target })).body, key)
    assert.ok((await listedKeys(house, 'alice')).includes(key), 'it is listed under its own name')
    const copy = await ask(house, {
      method: 'PUT',
      target: '/alice/copied',
      headers: { 'x-amz-copy-source': target },
    })
    assert.is(outcomeOf(copy), '200')
    assert.is(await stored(house, 'alice', '/copied'), key)
    assert.is((await ask(house, { method: 'DELETE', target })).status, 204)
    await ask(house, { method: 'DELETE', target: '/alice/copied' })
    assert.equal(await listedKeys(house, 'alice'), [])
    assert.equal(await storedPaths(house, 'shared').catch(() => []), [])
  })
}

test('15: a target is not normalised: `..` in it is part of the key', async ({ house }) => {
  await put(house, '/alice/../shared/x')
  assert.equal(await listedKeys(house, 'alice'), ['../shared/x'])
  assert.equal(await storedPaths(house, 'shared').catch(() => []), [])
  await ask(house, { method: 'DELETE', target: '/alice/../shared/x' })
})

for (const bucket of [
  '..',
  '.',
  '%2e%2e',
  '%00',
  'a%2Fb',
  'a%5Cb',
  '__filesets__',
  'master.__filesets__',
  '*',
  'alice%20',
  '@',
  'a:b',
]) {
  test(`15: ${bucket} is not a bucket`, async ({ house }) => {
    const outcome = outcomeOf(await ask(house, { target: `/${bucket}/x` }))
    assert.match(outcome, /^(400 InvalidBucketName|404 NoSuchBucket)$/)
    const source = { 'x-amz-copy-source': `/${bucket}/x` }
    const copy = await ask(house, { method: 'PUT', target: '/alice/copied', headers: source })
    assert.match(outcomeOf(copy), /^(400 Invalid(BucketName|Argument|URI)|404 NoSuchBucket)$/)
  })
}

test('15: invalid UTF-8 is not a key', async ({ house }) => {
  for (const path of ['%ff', '%c0%ae%c0%ae', '%ed%a0%80', '%', '%zz', 'a%2']) {
    const signed = signV4({ target: '/alice/x' }, { key: house.alice })
    assert.is(outcomeOf(await exchange(house.port, { ...signed, target: `/alice/${path}` })), '400 InvalidURI', path)
  }
})

test('15: a key of more than 1024 bytes, wherever it is sent', async ({ house }) => {
  const long = 'ä'.repeat(513)
  const encoded = encodeURIComponent(long)
  assert.is(
    outcomeOf(await ask(house, { method: 'PUT', target: `/alice/${encoded}`, body: 'x' })),
    '400 KeyTooLongError',
  )
  const source = { 'x-amz-copy-source': `/alice/${encoded}` }
  assert.is(outcomeOf(await ask(house, { method: 'PUT', target: '/alice/x', headers: source })), '400 KeyTooLongError')
  const body = `<Delete><Object><Key>${long}</Key></Object></Delete>`
  const deleted = await ask(house, { method: 'POST', target: '/alice?delete', body })
  assert.is(outcomeOf(deleted), '200 KeyTooLongError')
})

test('15: a prefix longer than a key', async ({ house }) => {
  for (const query of ['prefix', 'list-type=2&prefix', 'versions&prefix', 'uploads&prefix']) {
    const target = `/alice?${query}=${'%2525'.repeat(400)}`
    assert.is(outcomeOf(await ask(house, { target })), '400 KeyTooLongError', query)
  }
})

test("16: a copy source, each key of a multi-delete and a versioned read use the caller's rights", async ({
  house,
}) => {
  const { bob } = house
  await put(house, '/alice/private', 'private')
  await put(house, '/shared/public', 'public')
  const { headers } = await ask(house, { method: 'HEAD', target: '/alice/private' })
  const version = headers['x-amz-version-id'] ?? ''
  assert.is((await ask(house, { target: '/shared/public' }, bob)).body, 'public')
  const denied: readonly Unsigned[] = [
    { target: '/alice' },
    { target: '/alice?list-type=2' },
    { target: '/alice?location' },
    { method: 'HEAD', target: '/alice' },
    { target: '/alice/private' },
    { method: 'HEAD', target: '/alice/private' },
    { target: `/alice/private?versionId=${version}` },
    { target: `/${version}.master.alice/private` },
    { target: `/shared/private?versionId=${version}` },
    { method: 'PUT', target: '/shared/new', body: 'x' },
    { method: 'PUT', target: '/shared/new', body: 'x'.repeat(2_000_000) },
    { method: 'PUT', target: '/alice/new', body: 'x' },
    { method: 'DELETE', target: '/shared/public' },
    { method: 'DELETE', target: '/alice' },
    { method: 'PUT', target: '/other.shared' },
    { method: 'PUT', target: '/shared/new', headers: { 'x-amz-copy-source': '/alice/private' } },
    { method: 'PUT', target: '/shared/new', headers: { 'x-amz-copy-source': '/shared/public' } },
  ]
  for (const request of denied) {
    const outcome = outcomeOf(await ask(house, request, bob))
    assert.match(
      outcome,
      /^(403( AccessDenied)?|404 NoSuchVersion)$/,
      `${request.method ?? 'GET'} ${request.target}: ${outcome}`,
    )
  }
  const body = '<Delete><Object><Key>public</Key></Object><Object><Key>none</Key></Object></Delete>'
  const deleted = await ask(house, { method: 'POST', target: '/shared?delete', body }, bob)
  assert.equal(
    [...deleted.body.matchAll(/<Code>(\w+)<\/Code>/g)].map(([, code]) => code),
    ['AccessDenied', 'AccessDenied'],
  )
  assert.equal(await storedPaths(house, 'shared'), ['/public'])
  const { body: buckets } = await ask(house, { target: '/' }, bob)
  assert.equal(
    [...buckets.matchAll(/<Name>([^<]*)/g)].map(([, name]) => name),
    ['master.shared'],
  )
})

test('16: the cache of small objects serves only callers who may read them', async ({ house }) => {
  const { bob, pfs, tokens } = house
  await put(house, '/shared/cached', 'cached')
  assert.is((await ask(house, { target: '/shared/cached' }, bob)).body, 'cached')
  assert.is((await ask(house, { target: '/shared/cached' })).body, 'cached')
  const shared = { type: 'REPO' as const, name: 'default/shared' }
  await pfs.modifyRoleBinding({ resource: shared, principal: 'robot:bob', roles: [] }, { authToken: tokens.root })
  assert.is(outcomeOf(await ask(house, { target: '/shared/cached' }, bob)), '403 AccessDenied')
  const reader = { resource: shared, principal: 'robot:bob', roles: ['repoReader'] }
  await pfs.modifyRoleBinding(reader, { authToken: tokens.root })
})

test("16: a copy inside PFS reads the source with the caller's rights, not the writer's", async ({ house }) => {
  const copy: Unsigned = { method: 'PUT', target: '/alice/copy', headers: { 'x-amz-copy-source': '/shared/public' } }
  assert.is(outcomeOf(await ask(house, copy, house.bob)), '403 AccessDenied')
  assert.is(outcomeOf(await ask(house, copy)), '200')
})

test('17: a file set is not a bucket', async ({ house }) => {
  const { pfs, tokens } = house
  const raw = Buffer.from('staged')
  const id = await pfs.createFileSet([{ addFile: { path: '/part', raw } }], { authToken: tokens.root })
  for (const bucket of [
    `${id}.master.__filesets__`,
    `${id}.master.__filesets__.default`,
    `${id}.__filesets__.default`,
  ]) {
    assert.match(
      outcomeOf(await ask(house, { target: `/${bucket}/part` })),
      /^40[04] (InvalidBucketName|NoSuchBucket)$/,
    )
    assert.match(outcomeOf(await ask(house, { target: `/${bucket}` })), /^40[04] (InvalidBucketName|NoSuchBucket)$/)
  }
  const byVersion = await ask(house, { target: `/__filesets__/part?versionId=${id}` })
  assert.match(outcomeOf(byVersion), /^40[04] (InvalidBucketName|NoSuchBucket)$/)
})

test('18: a subresource that is unknown, or unknown for this method, never runs the plain method', async ({
  house,
}) => {
  await put(house, '/alice/object', 'before')
  const subresources = [
    ...['acl', 'tagging', 'retention', 'legal-hold', 'torrent', 'restore', 'select', 'attributes', 'renameObject'],
    ...[
      'append',
      'uploadId=x',
      'partNumber=1',
      'delete',
      'acl=',
      'tagging&versionId=x',
      'acl&tagging',
      '%61cl',
      'policy',
    ],
  ]
  for (const query of subresources) {
    const target = `/alice/object?${query}`
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const response = await ask(house, { method, target, body: method === 'PUT' ? 'after' : '' })
      // That one is served, with records; what it must not do is delete the object.
      const isServed = method === 'DELETE' && query === 'tagging'
      assert.ok(isServed || response.status >= 400, `${method} ?${query}: ${outcomeOf(response)}`)
    }
    assert.is((await ask(house, { target: '/alice/object' })).body, 'before', `?${query}`)
    const { body } = await ask(house, { target })
    assert.ok(query === 'partNumber=1' || body !== 'before', `GET ?${query}`)
  }
  for (const query of [
    'policy',
    'lifecycle',
    'cors',
    'website',
    'encryption',
    'tagging',
    'versioning',
    'object-lock',
  ]) {
    for (const method of ['PUT', 'DELETE']) {
      const outcome = outcomeOf(await ask(house, { method, target: `/alice?${query}`, body: '' }))
      // Deleting a configuration that is missing succeeds; what it must not do is delete the bucket.
      assert.match(outcome, method === 'DELETE' ? /^([45]|204)/ : /^[45]/, `${method} ?${query}: ${outcome}`)
    }
  }
  assert.is(await stored(house, 'alice', '/object'), 'before')
})

test('19: client input is not mistaken for internal names', async ({ house }) => {
  const { bob, tokens } = house
  const claims = {
    'authn-token': tokens.root,
    'x-forwarded-host': 'alice.gateway.example',
    'x-forwarded-prefix': '/alice',
    'x-forwarded-user': 'pach:root',
    'x-original-url': '/alice/private',
    'x-rewrite-url': '/alice/private',
    'x-http-method-override': 'DELETE',
    'x-amz-meta-authtoken': tokens.root,
  }
  const response = await ask(house, { target: '/shared/public', headers: claims }, bob)
  assert.is(response.body, 'public')
  assert.is(outcomeOf(await ask(house, { target: '/alice/private', headers: claims }, bob)), '403 AccessDenied')
})

test.run()
