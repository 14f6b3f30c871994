import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { presignV4, signV2, signV4 } from '../support/sign.js'
import { exchange, outcomeOf, type RawResponse } from '../support/wire.js'
import { ask, type House, openHouse, stored } from './house.js'

/** Class 39 of README.md: the host that is signed and the host that names the bucket. */
const test = suite<{ house: House }>('a forwarded host')

test.before(async (context) => {
  context.house = await openHouse('keys', { domains: ['s3.test'], trustForwardedHost: true })
  for (const bucket of ['alice', 'shared']) {
    const put = { method: 'PUT', target: `/${bucket}/file`, body: `in ${bucket}` }
    assert.is(outcomeOf(await ask(context.house, put)), '200')
  }
})

test.after(({ house }) => house.close())

function told({ status, body }: RawResponse): string {
  return status === 200 ? body : outcomeOf({ status, headers: {}, body })
}

test('39: a proxy may rewrite Host: bucket and signature use the forwarded host', async ({ house }) => {
  const { alice: key, port } = house
  const headers = { host: 'alice.s3.test' }
  const v2 = signV2({ target: '/file', headers }, key, '/alice/file')
  for (const signed of [
    signV4({ target: '/file', headers }, { key }),
    presignV4({ target: '/file', headers }, { key }),
    v2,
  ]) {
    for (const forwarded of ['alice.s3.test', 'alice.s3.test, inner.proxy']) {
      const behind = { ...signed.headers, host: 'backend:8080', 'x-forwarded-host': forwarded }
      assert.is(told(await exchange(port, { ...signed, headers: behind })), 'in alice')
    }
  }
})

test('39: a URL for one bucket opens no other bucket', async ({ house }) => {
  const { alice: key, port } = house
  const headers = { host: 'alice.s3.test' }
  const get = presignV4({ target: '/file', headers }, { key })
  const put = presignV4({ method: 'PUT', target: '/file', headers, body: 'forged' }, { key })
  for (const forwarded of ['shared.s3.test', 'shared.s3.test, alice.s3.test', 'alice.s3.test, shared.s3.test']) {
    for (const request of [get, put]) {
      const answer = await exchange(port, {
        ...request,
        headers: { ...request.headers, 'x-forwarded-host': forwarded },
      })
      assert.ok(['403 SignatureDoesNotMatch', 'in alice', ''].includes(told(answer)), told(answer))
    }
    assert.is(await stored(house, 'shared', '/file'), 'in shared')
  }
})

test.run()
