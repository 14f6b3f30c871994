import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CorsRule } from '../../lib/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { exchange, outcomeOf, type RawResponse } from '../support/wire.js'

const test = suite<{ gateway: Gateway }>('cross-origin requests')

const rules: readonly CorsRule[] = [
  {
    bucket: '*.images',
    allowedOrigins: ['https://app.example', 'https://*.apps.example'],
    allowedMethods: ['GET', 'PUT'],
    allowedHeaders: ['content-type', 'X-Amz-*'],
    exposeHeaders: ['etag', 'x-amz-version-id'],
    maxAgeSeconds: 300,
  },
  { bucket: '*.images', allowedOrigins: ['*'], allowedMethods: ['HEAD'] },
  { bucket: 'master.public', allowedOrigins: ['*'], allowedMethods: ['GET'], allowedHeaders: ['*'] },
]

test.before(async (context) => {
  context.gateway = await startGateway({ options: { cors: rules } })
  for (const bucket of ['master.images', 'master.public', 'master.other']) {
    const request = { method: 'PUT', target: `/${bucket}`, headers: { host: 'h', 'content-length': '0' } }
    assert.is((await exchange(context.gateway.port, request)).status, 200)
  }
})

test.after(({ gateway }) => gateway.close())

function preflight(port: number, target: string, headers: Readonly<Record<string, string>>): Promise<RawResponse> {
  return exchange(port, { method: 'OPTIONS', target, headers: { host: 'h', ...headers } })
}

function corsOf({ headers }: RawResponse): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => /^(access-control-|vary$)/.test(name)))
}

const vary = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'

test('the first rule that allows a preflight answers it', async ({ gateway }) => {
  const response = await preflight(gateway.port, '/master.images/a', {
    origin: 'https://one.apps.example',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'Content-Type,x-amz-meta-a',
  })
  assert.equal([response.status, response.body], [200, ''])
  assert.equal(corsOf(response), {
    'access-control-allow-origin': 'https://one.apps.example',
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-headers': 'content-type, x-amz-meta-a',
    'access-control-allow-credentials': 'true',
    'access-control-max-age': '300',
    vary,
  })
})

test('a wildcard origin is answered with a wildcard, without credentials', async ({ gateway }) => {
  const headers = {
    origin: 'null',
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'x-anything',
  }
  const response = await preflight(gateway.port, '/master.public/a', headers)
  assert.equal(corsOf(response), {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': 'x-anything',
    vary,
  })
})

for (const [name, target, headers] of [
  ['another origin', '/master.images/a', { origin: 'https://evil.example' }],
  ['an origin that only begins like one', '/master.images/a', { origin: 'https://app.example.evil.example' }],
  ['an origin with another scheme', '/master.images/a', { origin: 'http://app.example' }],
  ['an origin that a wildcard does not cover', '/master.images/a', { origin: 'https://apps.example' }],
  ['a method', '/master.images/a', { origin: 'https://app.example', 'access-control-request-method': 'DELETE' }],
  [
    'a header',
    '/master.images/a',
    { origin: 'https://app.example', 'access-control-request-headers': 'authorization' },
  ],
  ['a bucket without a rule', '/master.other/a', { origin: 'https://app.example' }],
  ['the list of buckets', '/', { origin: 'https://app.example' }],
] as const) {
  test(`a preflight for ${name} is refused`, async ({ gateway }) => {
    const response = await preflight(gateway.port, target, { 'access-control-request-method': 'PUT', ...headers })
    assert.is(outcomeOf(response), '403 AccessForbidden')
    assert.equal(corsOf(response), {})
  })
}

test('a preflight without a method', async ({ gateway }) => {
  assert.is(outcomeOf(await preflight(gateway.port, '/master.images/a', {})), '400 BadRequest')
  assert.is(
    outcomeOf(await preflight(gateway.port, '/master.images/a', { origin: 'https://app.example' })),
    '400 BadRequest',
  )
})

for (const [name, headers] of [
  ['an empty origin', { origin: '', 'access-control-request-method': 'PUT' }],
  ['a method that no rule can allow', { 'access-control-request-method': 'PATCH' }],
  ['a method in lower case', { 'access-control-request-method': 'get' }],
  ['a header name with a space', { 'access-control-request-headers': 'content-type,a b' }],
  ['a header name with a bracket', { 'access-control-request-headers': 'x(custom)' }],
] as const) {
  test(`a preflight with ${name} is malformed`, async ({ gateway }) => {
    const asked = { origin: 'https://app.example', 'access-control-request-method': 'PUT', ...headers }
    const response = await preflight(gateway.port, '/master.images/a', asked)
    assert.is(outcomeOf(response), '400 BadRequest')
    assert.equal(corsOf(response), {})
  })
}

test('a page that a rule allows may read a response, even an error', async ({ gateway }) => {
  const origin = 'https://app.example'
  const ask = (method: string, target: string) =>
    exchange(gateway.port, { method, target, headers: { host: 'h', origin, 'content-length': '0' } })
  const allowed = {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'etag, x-amz-version-id',
    vary,
  }
  const written = await ask('PUT', '/master.images/a')
  assert.equal([written.status, corsOf(written)], [200, allowed])
  const missing = await ask('GET', '/master.images/none')
  assert.equal([outcomeOf(missing), corsOf(missing)], ['404 NoSuchKey', allowed])
  assert.equal(corsOf(await ask('DELETE', '/master.images/a')), {})
  assert.equal(corsOf(await ask('GET', '/master.other')), {})
})

test('an origin is returned unchanged or not at all', async ({ gateway }) => {
  for (const origin of [
    'https://\u00e9.apps.example',
    'https://a b.apps.example',
    `https://${'a'.repeat(5000)}.apps.example`,
  ]) {
    const response = await exchange(gateway.port, { target: '/master.images', headers: { host: 'h', origin } })
    assert.is(response.status, 200)
    assert.is(response.headers['access-control-allow-origin'], origin)
  }
})

test.run()
