import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuthConfig, createS3Handler, type S3HandlerOptions } from '../../lib/index.js'
import { optionNames } from '../../lib/options.js'
import { createMemoryPfs } from '../../lib/testing/index.js'

const test = suite('options')

function construct(authConfig: unknown, options: unknown = {}): () => unknown {
  return () => createS3Handler(createMemoryPfs(), authConfig as AuthConfig, options as S3HandlerOptions)
}

function complaint(authConfig: unknown, options?: unknown): string {
  try {
    construct(authConfig, options)()
  } catch (error) {
    assert.instance(error, TypeError)
    return (error as TypeError).message
  }
  return 'none'
}

for (const [name, values] of Object.entries({
  basePath: ['s3', '/', '/s3/', '/s3?x', '//s3', '/s3#', 5],
  region: ['', 5, {}, 'eu west', 'eu/west'],
  domains: [
    's3.example.com',
    [''],
    [5],
    {},
    ['*.example.com'],
    ['.example.com'],
    ['example.com:9000'],
    ['http://example.com'],
  ],
  trustForwardedHost: ['yes', 1],
  bucketAliases: [
    'data=master.images',
    [],
    { data: 5 },
    { data: '' },
    { 'with.dot': 'master.images' },
    { Upper: 'master.images' },
    { '-data': 'master.images' },
    { ab: 'master.images' },
    { data: 'no bucket' },
    { data: 'master.images', same: 'images' },
  ],
  bucketSeparator: ['', '-', '_', '--.', '__', '--------------', 'x'],
  keyEncoding: ['utf8', 1],
  shareCommits: ['shared', 1],
  respondAfter: ['never', 'finished'],
  maxSharedBodyBytes: [-1, 1.5, Number.NaN, '1', 2 ** 40],
  cacheBytes: [-1, Number.POSITIVE_INFINITY, '64 MiB'],
  bodyTimeoutMilliseconds: [-1, 2 ** 31, '60s'],
  onError: ['console', {}],
  onResponse: [true],
  cors: [
    {},
    [null],
    [{ allowedOrigins: ['*'] }],
    [{ allowedOrigins: '*', allowedMethods: ['GET'] }],
    [{ allowedOrigins: ['*'], allowedMethods: ['OPTIONS'] }],
    [{ allowedOrigins: ['*'], allowedMethods: ['GET'], maxAgeSeconds: '60' }],
    [{ allowedOrigins: ['*'], allowedMethods: ['GET'], allowedHeaders: 'x' }],
    [{ allowedOrigins: ['*'], allowedMethods: ['GET'], bucket: 5 }],
    [{ allowedOrigins: ['*'], allowedMethods: ['GET'], origins: ['*'] }],
  ],
})) {
  test(`an invalid ${name} is named`, () => {
    for (const value of values) assert.match(complaint({ mode: 'none' }, { [name]: value }), name)
  })
}

test('a misspelt option is refused instead of ignored', () => {
  assert.match(complaint({ mode: 'none' }, { trustForwardHost: true }), 'trustForwardHost')
})

test('an unknown mode is refused: nothing is open by mistake', () => {
  for (const config of [
    undefined,
    null,
    {},
    'none',
    { mode: 'None' },
    { mode: '' },
    { mode: ['none'] },
    { auth: 'keys' },
  ]) {
    assert.match(complaint(config), 'authConfig')
  }
})

test('required and unknown properties of each mode', () => {
  assert.match(complaint({ mode: 'keys' }), 'credentialFor')
  assert.match(complaint({ mode: 'keys', credentialFor: { key: 'secret' } }), 'credentialFor')
  assert.match(complaint({ mode: 'pachyderm', credentialFor: () => undefined }), 'credentialFor')
  assert.match(complaint({ mode: 'none', authToken: '' }), 'authToken')
})

test('every option accepts undefined, and CORS rules need no literal types', () => {
  const unset = process.env.NO_SUCH_VARIABLE
  const rules = [{ allowedOrigins: ['*'], allowedMethods: ['GET'], maxAgeSeconds: undefined }]
  const options: S3HandlerOptions = {
    basePath: unset,
    region: unset,
    bucketSeparator: unset,
    domains: undefined,
    cors: rules,
  }
  const all = Object.fromEntries(optionNames.map((name) => [name, undefined]))
  assert.type(
    createS3Handler(createMemoryPfs({ rootToken: unset }), { mode: 'none', authToken: unset }, options),
    'function',
  )
  assert.type(construct({ mode: 'none' }, all)(), 'function')
})

test('all options together are accepted', () => {
  const options: Required<S3HandlerOptions> = {
    basePath: '/some/where',
    region: 'eu-central-1',
    domains: ['s3.example.com'],
    trustForwardedHost: true,
    bucketAliases: { data: 'master.images' },
    bucketSeparator: '--',
    keyEncoding: 'refuse',
    shareCommits: false,
    respondAfter: 'finish',
    maxSharedBodyBytes: 0,
    objectRecords: 'needed',
    deleteVersions: 'refuse',
    cacheBytes: 0,
    maxBufferedBytes: 0,
    maxBodyBytes: 0,
    cors: [
      {
        bucket: '*',
        allowedOrigins: ['*'],
        allowedMethods: ['GET'],
        allowedHeaders: ['*'],
        exposeHeaders: ['etag'],
        maxAgeSeconds: 5,
      },
    ],
    bodyTimeoutMilliseconds: 1000,
    onError: () => undefined,
    onResponse: () => undefined,
  }
  assert.type(construct({ mode: 'keys', credentialFor: () => undefined }, options)(), 'function')
  assert.type(construct({ mode: 'none', authToken: 'token' }, options)(), 'function')
})

test.run()
