import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AddressOptions, parseAddress, withTrustedHost } from '../../lib/http/address.js'
import type { HttpRequest } from '../../lib/http/request.js'
import { codeOf } from '../support/s3-error.js'

const address = suite('addresses')

type Options = Partial<AddressOptions> & { readonly trustForwardedHost?: boolean }

function parse(rawPath: string, host = 'localhost:30600', options: Options = {}, forwarded?: string) {
  const headers = new Map([['host', [host]]])
  if (forwarded !== undefined) headers.set('x-forwarded-host', [forwarded])
  const request = { method: 'GET', rawPath, headers } as unknown as HttpRequest
  const { trustForwardedHost = false, ...rest } = options
  return parseAddress(withTrustedHost(request, trustForwardedHost), { mountPath: '', domains: [], ...rest })
}

for (const [path, expected] of [
  ['/', { kind: 'service' }],
  ['', { kind: 'service' }],
  ['/b', { kind: 'bucket', bucket: 'b' }],
  ['/b/', { kind: 'bucket', bucket: 'b' }],
  ['/master.images/a/b', { kind: 'object', bucket: 'master.images', key: 'a/b' }],
  ['/b/a%2Fb', { kind: 'object', bucket: 'b', key: 'a/b' }],
  ['/b//x', { kind: 'object', bucket: 'b', key: '/x' }],
  ['/b/../c', { kind: 'object', bucket: 'b', key: '../c' }],
  ['/b/%2e%2e/c', { kind: 'object', bucket: 'b', key: '../c' }],
  ['/b/a+b', { kind: 'object', bucket: 'b', key: 'a+b' }],
  ['/b/%c3%bc', { kind: 'object', bucket: 'b', key: 'ü' }],
  ['/master%5E.images/k', { kind: 'object', bucket: 'master^.images', key: 'k' }],
] as const) {
  address(`${path || '(nothing)'} is ${JSON.stringify(expected)}`, () => assert.equal(parse(path), expected))
}

address('below a mount path', async () => {
  const options = { mountPath: '/s3' }
  assert.equal(parse('/s3/b/k', undefined, options), { kind: 'object', bucket: 'b', key: 'k' })
  assert.equal(parse('/s3', undefined, options), { kind: 'service' })
  const beside = await codeOf(() => parse('/s3b/k', undefined, options))
  assert.is(beside, 'NotFound')
})

address('the host names the bucket only under a configured domain', () => {
  const options = { domains: ['s3.local', 'x.s3.local'] }
  assert.equal(parse('/k', 'master.images.S3.local:80', options), { kind: 'object', bucket: 'master.images', key: 'k' })
  assert.equal(parse('/', 'b.s3.local', options), { kind: 'bucket', bucket: 'b' })
  assert.equal(parse('/b/k', 's3.local', options), { kind: 'object', bucket: 'b', key: 'k' })
  assert.equal(parse('/b/k', '[::1]:30600', options), { kind: 'object', bucket: 'b', key: 'k' })
  assert.equal(parse('/b/k', 'evils3.local', options), { kind: 'object', bucket: 'b', key: 'k' })
  assert.equal(parse('//k', 'b.s3.local', options), { kind: 'object', bucket: 'b', key: '/k' })
})

address('the longest domain wins', () => {
  const options = { domains: ['s3.local', 'x.s3.local'] }
  assert.equal(parse('/k', 'b.x.s3.local', options), { kind: 'object', bucket: 'b', key: 'k' })
})

address('X-Forwarded-Host is used only if it is trusted', () => {
  const domains = ['s3.local']
  assert.equal(parse('/b', 'proxy', { domains }, 'c.s3.local'), { kind: 'bucket', bucket: 'b' })
  assert.equal(parse('/k', 'proxy', { domains, trustForwardedHost: true }, 'c.s3.local'), {
    kind: 'object',
    bucket: 'c',
    key: 'k',
  })
})

address('invalid keys are refused', async () => {
  for (const [path, code] of [
    ['/b/%ff', 'InvalidURI'],
    ['/b/%zz', 'InvalidURI'],
    [`/b/${'k'.repeat(1025)}`, 'KeyTooLongError'],
    [`/b/${'%C3%BC'.repeat(513)}`, 'KeyTooLongError'],
    ['//k', 'InvalidBucketName'],
  ] as const) {
    assert.is(await codeOf(() => parse(path)), code, path)
  }
})

address.run()
