import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { presignV2, presignV4, type Unsigned } from '../support/sign.js'
import { exchange, outcomeOf, type RawRequest } from '../support/wire.js'
import { ask, type House, openHouse, stored } from './house.js'

/** Class 39 of README.md: a value signed in one place and obeyed from another. */
const test = suite<{ house: House }>('moved headers')

test.before(async (context) => {
  context.house = await openHouse('keys')
  for (const key of ['source', 'other']) {
    assert.is(outcomeOf(await ask(context.house, { method: 'PUT', target: `/alice/${key}`, body: key })), '200')
  }
})

test.after(({ house }) => house.close())

const md5 = 'wGlrxoTqR4LKJ7HpOzzCPw==' // The MD5 of another body.
const sha256 = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='

/** Headers that change the effect of a PUT. */
const signedHeaders: readonly (readonly [name: string, value: string])[] = [
  ['content-md5', md5],
  ['x-amz-checksum-sha256', sha256],
  ['x-amz-copy-source', '/alice/source'],
  ['x-amz-copy-source-if-none-match', '*'],
  ['x-amz-metadata-directive', 'REPLACE'],
  ['x-amz-acl', 'public-read'],
  ['x-amz-tagging', 'a=b'],
  ['x-amz-server-side-encryption', 'aws:kms'],
  ['x-amz-object-lock-mode', 'GOVERNANCE'],
  ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
  ['x-amz-decoded-content-length', '3'],
  ['x-amz-expected-bucket-owner', 'nobody'],
]

/** A PUT presigned with V2 over one header. */
function signedV2({ alice }: House, target: string, [name, value]: readonly [string, string]): string {
  const expires = '9999999999'
  const amz = name.startsWith('x-amz-') ? `${name}:${value}\n` : ''
  const text = ['PUT', name === 'content-md5' ? value : '', '', expires, `${amz}${target}`].join('\n')
  const signature = createHmac('sha1', alice.secretAccessKey).update(text).digest('base64')
  return `${target}?AWSAccessKeyId=${alice.accessKeyId}&Expires=${expires}&Signature=${encodeURIComponent(signature)}`
}

const parameter = (name: string, value: string): string => `${name}=${encodeURIComponent(value)}`

const forged = { method: 'PUT', body: 'forged' } as const
const base = { host: 'gateway.example', 'content-length': '6' }

for (const one of signedHeaders) {
  const [name, value] = one
  test(`39: ${name}, signed as a header with V2 or V4, has no effect in the query`, async ({ house }) => {
    const target = '/alice/forged'
    const v2 = signedV2(house, target, one)
    const unsigned: Unsigned = { method: 'PUT', target, headers: { [name]: value } }
    const v4 = presignV4(unsigned, { key: house.alice })
    const moved: RawRequest[] = [v2, v4.target].flatMap((url) => [
      { ...forged, target: `${url}&${parameter(name, value)}`, headers: base },
      { ...forged, target: `${url}&${parameter(name.toUpperCase(), value)}`, headers: base },
      { ...forged, target: url, headers: base },
    ])
    for (const request of moved) {
      assert.match(outcomeOf(await exchange(house.port, request)), /^(400|403) /, request.target)
      assert.is(await stored(house, 'alice', '/forged'), undefined)
    }
  })
}

test('39: a header that the signature covers elsewhere, or twice, has no effect', async ({ house }) => {
  const pair = fc.constantFrom(...signedHeaders)
  const places = fc.array(fc.constantFrom('header', 'query', 'other header', 'other query'), { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(pair, places, fc.boolean(), async ([name, value], chosen, isV4) => {
      const target = '/alice/doubled'
      const headers: [string, string][] = [...Object.entries(base)]
      const plain = { method: 'PUT', target }
      const url = isV4 ? presignV4(plain, { key: house.alice }).target : signedV2(house, target, ['x-unsigned', ''])
      let sent = url
      for (const place of chosen) {
        const text = place.startsWith('other') ? '/alice/other' : value
        if (place.endsWith('header')) headers.push([name, text])
        else sent += `&${parameter(name, text)}`
      }
      const outcome = outcomeOf(await exchange(house.port, { ...forged, target: sent, headers }))
      const now = await stored(house, 'alice', '/doubled')
      // Nothing but the signed request itself, or a parameter that no signature of V2 covers and nothing obeys.
      assert.ok(now === undefined || now === 'forged', `${now} after ${outcome}`)
      if (headers.length > 2 && name !== 'content-md5') assert.match(outcome, /^(400|403) /, `${sent} ${headers}`)
    }),
    { numRuns: 150 },
  )
})

test('39: headers without effect may be in the query, as botocore sends them', async ({ house }) => {
  for (const one of [['x-amz-meta-color', 'red']] as const) {
    const target = `${signedV2(house, '/alice/meta', one)}&${parameter(...one)}`
    assert.is(outcomeOf(await exchange(house.port, { ...forged, target, headers: base })), '200')
  }
})

test('39: a V2 signature is good for no URL in which one parameter swallows the next', async ({ house }) => {
  const version = async (body: string): Promise<string> => {
    const { headers } = await ask(house, { method: 'PUT', target: '/alice/versions', body })
    return headers['x-amz-version-id'] ?? ''
  }
  const old = await version('old')
  await version('new')
  const query = `response-content-type=text/plain&versionId=${old}`
  const signed = presignV2('GET', `/alice/versions?${query}`, house.alice, '9999999999')
  const credentials = signed.slice(signed.lastIndexOf('?') + 1)
  const read = (parameters: string) =>
    exchange(house.port, { target: `/alice/versions?${parameters}&${credentials}`, headers: { host: base.host } })
  assert.is((await read(query)).body, 'old')
  for (const forged of [
    query.replace('&', '%26'),
    query.replace('&', '%26').replace('D=', 'D%3D'),
    query.replace('=text', '%3Dtext').replace('&', '%26'),
    `${query.slice(0, query.indexOf('&')).replace('=', '%3D')}&${query.slice(query.indexOf('&') + 1)}`,
  ]) {
    assert.match(outcomeOf(await read(forged)), /^403 /, forged)
  }
})

test('39: a V2 signature is good for a file name with an ampersand', async ({ house }) => {
  const disposition = 'attachment; filename="a&b=c.txt"'
  const resource = `/alice/source?response-content-disposition=${disposition}`
  const signed = presignV2('GET', resource, house.alice, '9999999999')
  const credentials = signed.slice(signed.lastIndexOf('?') + 1)
  const target = `/alice/source?${parameter('response-content-disposition', disposition)}&${credentials}`
  const { status, headers } = await exchange(house.port, { target, headers: { host: base.host } })
  assert.equal([status, headers['content-disposition']], [200, disposition])
})

test.run()
