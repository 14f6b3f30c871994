import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { presignV4, signV4 } from '../support/sign.js'
import { exchange, type RawRequest } from '../support/wire.js'

/** Hooks are given no secret and no control character. README.md, Authorisation: class 20. */
const test = suite('arguments of hooks')

const token = 'a-token-of-pachyderm'
const key = { accessKeyId: token, secretAccessKey: token }
const signature = 'f'.repeat(64)
const host = { host: 'h' }

/** Everything that the hooks are given for some requests. */
async function told(requests: readonly RawRequest[]): Promise<string> {
  const heard: unknown[] = []
  const gateway = await startGateway({
    pfs: createMemoryPfs({ rootToken: token }),
    authConfig: { mode: 'pachyderm' },
    options: {
      onResponse: (log) => heard.push(log),
      onError: (error, context) => heard.push(error, context),
    },
  })
  for (const request of requests) await exchange(gateway.port, request)
  await gateway.close()
  assert.ok(heard.length > 0)
  return heard.map((each) => `${inspect(each, { depth: 10 })}${Object.values(each as object).join('\n')}`).join('\n')
}

const presigned = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${token}%2F20260101%2Fr%2Fs3%2Faws4_request&X-Amz-Signature=${signature}`
const v2 = `AWSAccessKeyId=${token}&Expires=1&Signature=${signature}`

test('20: no token and no signature, wherever a URL has them', async () => {
  const targets = [presigned, v2].flatMap((query) => [
    `/b/k?${query}`,
    `/b/k&${query}`,
    `/b/k%3F${query}`,
    `/b/k%3F${encodeURIComponent(query)}`,
    `/b%3F${query}`,
    `/b%26${query}/k`,
    `/b/k?versionId=1%26${encodeURIComponent(query)}`,
    `/b/k?versionId=1?${query}`,
    `/b/k?prefix=%zz&${query}`,
    `/b/k#${query}`,
    `/b/k;${query}`,
    `//${query}`,
    `/?${query}`,
    `/b/k?${query.toLowerCase()}`,
    `/b/k?%20${query.replaceAll('-', '%2D')}`,
  ])
  const all = await told([
    ...targets.map((target) => ({ target, headers: host })),
    ...targets.map((target) => ({ method: 'PUT', target, headers: { ...host, 'content-length': '0' } })),
    presignV4({ target: '/b/k' }, { key }),
    { ...presignV4({ target: '/b/k' }, { key }), method: 'DELETE' },
    signV4({ target: '/b/k' }, { key }),
    signV4({ target: '/b/k' }, { key: { ...key, secretAccessKey: 'wrong' } }),
    signV4({ target: '/b/k' }, { key: { accessKeyId: `${token} `, secretAccessKey: token } }),
    {
      target: '/b/k',
      headers: { ...host, authorization: `AWS ${token}:${signature}`, date: new Date().toUTCString() },
    },
    { target: '/b/k', headers: { ...host, authorization: `Bearer ${token}` } },
    { target: '/b/k', headers: { ...host, authorization: `AWS4-HMAC-SHA256 Credential=${token}` } },
  ])
  for (const secret of [token, signature, signature.slice(0, 16)])
    assert.equal(
      all.split('\n').filter((line) => line.includes(secret)),
      [],
    )
})

test('20: no control character, whatever a request has in its URL and headers', async () => {
  const controls = '%1b%5b2J%c2%9b%e2%80%ae%e2%81%a6%e2%80%a8%0d%0a%00'
  const all = await told([
    { target: `/b/${controls}`, headers: { ...host, 'user-agent': 'a\x9b\xe2\x80\xae' } },
    { target: `/${controls}/k`, headers: host },
    { target: `/b/k?versionId=${controls}`, headers: host },
    { target: `/b/k\x9b\xe2\x80\xae?${controls}=1`, headers: host },
  ])
  assert.equal(
    all
      .split('\n')
      .filter((line) => /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(line)),
    [],
  )
})

test.run()
