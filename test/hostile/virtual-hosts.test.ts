import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { presignV2, signV2, signV4 } from '../support/sign.js'
import { exchange, outcomeOf } from '../support/wire.js'
import { ask, type House, openHouse, stored } from './house.js'

/** Class 39 of README.md: the path that is signed, and the host and path that name the object. */
const test = suite<{ house: House }>('virtual hosts')

test.before(async (context) => {
  context.house = await openHouse('keys', { domains: ['s3.test'] })
  assert.is(outcomeOf(await ask(context.house, { method: 'PUT', target: '/alice/kept', body: 'kept' })), '200')
})

test.after(({ house }) => house.close())

const expires = '9999999999'

test('39: a V2 URL for a directory marker opens no object without the slash', async ({ house }) => {
  const { alice, port } = house
  const headers = { host: 'alice.s3.test', 'content-length': '6' }
  for (const method of ['PUT', 'GET', 'DELETE']) {
    const signed = presignV2(method, '/alice/kept/', alice, expires).replace('/alice/kept/', '/kept')
    const body = method === 'PUT' ? 'forged' : ''
    const answer = await exchange(port, {
      method,
      target: signed,
      headers: body === '' ? { host: headers.host } : headers,
      body,
    })
    assert.is(outcomeOf(answer), '403 SignatureDoesNotMatch', method)
    assert.is(await stored(house, 'alice', '/kept'), 'kept')
  }
})

test('39: a V2 URL is good for the same object in both addressing styles', async ({ house }) => {
  const { alice, port } = house
  const url = presignV2('GET', '/alice/kept', alice, expires)
  for (const [host, target] of [
    ['s3.test', url],
    ['alice.s3.test', url.replace('/alice', '')],
  ] as const) {
    const { status, body } = await exchange(port, { target, headers: { host } })
    assert.equal([status, body], [200, 'kept'], host)
  }
  for (const path of ['/alice', '/alice/']) {
    const list = presignV2('GET', path, alice, expires)
    assert.is(
      (await exchange(port, { target: list.replace(path, '/alice'), headers: { host: 's3.test' } })).status,
      200,
    )
  }
  const list = presignV2('GET', '/alice/', alice, expires).replace('/alice', '')
  assert.is((await exchange(port, { target: list, headers: { host: 'alice.s3.test' } })).status, 200)
})

for (const [host, isBucket] of [
  ['alice.s3.test', true],
  ['alice.s3.test:8080', true],
  ['alice.s3.test:', true],
  ['alice.s3.test.', true],
  ['alice.s3.test.:80', true],
  ['alice.S3.TEST', true],
  ['ALICE.s3.test', false],
  ['user@alice.s3.test', false],
  ['alice..s3.test', false],
  ['a/alice.s3.test', false],
  ['x.alice.s3.test', false],
  ['.s3.test', false],
  ['s3.test.', false],
  ['alice.s3.test:80:80', false],
  ['alice%2es3.test', false],
  ['s3.test.evil', false],
] as const) {
  test(`39: the host ${host} ${isBucket ? 'names' : 'does not name'} the bucket`, async ({ house }) => {
    const { alice: key, port } = house
    for (const request of [
      signV4({ target: '/kept', headers: { host } }, { key }),
      signV2({ target: '/kept', headers: { host } }, key, '/alice/kept'),
    ]) {
      const { status } = await exchange(port, request)
      if (isBucket) assert.is(status, 200)
      else assert.ok(status >= 400, String(status))
    }
  })
}

test.run()
