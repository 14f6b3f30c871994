import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Key, type Signed, sha256, signedChunks, signedForm, signV4 } from '../support/sign.js'
import { exchange, outcomeOf, type RawResponse } from '../support/wire.js'
import { attempt, openKeptHouse, put } from './attack.js'
import { type House, type Mode, stored, storedPaths } from './house.js'

/** README.md, Authentication, for bodies: the number before a test's name is that of the class. */
for (const mode of ['pachyderm', 'keys'] as const) bodyTests(mode)

function bodyTests(mode: Mode): void {
  const test = suite<{ house: House }>(`bodies, mode ${mode}`)

  test.before(async (context) => {
    context.house = await openKeptHouse(mode)
  })

  test.after(({ house }) => house.close())

  test('1: an unsigned trailer does not authenticate', async ({ house }) => {
    const headers = {
      host: 'h',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '7',
      'x-amz-trailer': 'x-amz-checksum-crc32',
      'content-length': '50',
    }
    const body = '7\r\ncontent\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'
    assert.is(await attempt(house, { ...put, headers, body }), '403 AccessDenied')
    const query = `X-Amz-Credential=${house.alice.accessKeyId}/20260101/us-east-1/s3/aws4_request`
    const inQuery = { ...put, target: `/alice/new?${query}`, headers, body }
    assert.match(await attempt(house, inQuery), /^40[03] Au/)
  })

  const streamed = (key: Key, length: number): Signed =>
    signV4(
      {
        ...put,
        headers: { 'x-amz-decoded-content-length': String(length), 'content-length': '0' },
        body: '',
      },
      { key, payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', signedHeaders: streamedHeaders },
    )
  const streamedHeaders = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-decoded-content-length']
  const withBody = (signed: Signed, body: string): Signed => ({
    ...signed,
    body,
    headers: { ...signed.headers, 'content-length': String(Buffer.byteLength(body)) },
  })

  for (const [name, change] of [
    ['a chunk that was changed', (body: string) => body.replace('first', 'fIrst')],
    [
      'a chunk without a signature',
      (body: string) => body.replace(/;chunk-signature=[0-9a-f]{64}\r\nsecond/, '\r\nsecond'),
    ],
    [
      'a chunk signed with nothing',
      (body: string) => body.replace(/(;chunk-signature=)[0-9a-f]{64}(\r\nsecond)/, '$1$2'),
    ],
    ['chunks in another order', (body: string) => body.replace(/^(5;.*?first\r\n)(6;.*?second\r\n)/s, '$2$1')],
    ['a last chunk that is not signed', (body: string) => body.replace(/0;chunk-signature=.*$/s, '0\r\n\r\n')],
    ['a last chunk that is missing', (body: string) => body.replace(/0;chunk-signature=.*$/s, '')],
  ] as const) {
    test(`3: signed chunks: ${name}`, async ({ house }) => {
      const signed = streamed(house.alice, 11)
      const body = signedChunks(signed, house.alice, ['first', 'second'])
      assert.not.equal(change(body), body)
      assert.match(
        await attempt(house, withBody(signed, change(body))),
        /^40[03] (SignatureDoesNotMatch|IncompleteBody)$/,
      )
    })
  }

  test('3: correctly signed chunks pass', async ({ house }) => {
    const signed = streamed(house.alice, 11)
    const right = { ...signed, target: '/alice/chunks' }
    assert.is(await attempt(house, withBody(right, '')), '403 SignatureDoesNotMatch')
    const body = signedChunks(signed, house.alice, ['first', 'second'])
    assert.is(outcomeOf(await exchange(house.port, withBody(signed, body))), '200')
    assert.is(await stored(house, 'alice', '/new'), 'firstsecond')
    const gone = signV4({ method: 'DELETE', target: '/alice/new' }, { key: house.alice })
    assert.is((await exchange(house.port, gone)).status, 204)
  })

  const minutes = (count: number) => new Date(Date.now() + count * 60_000)

  test('12: a body that differs from the signed one', async ({ house }) => {
    const { alice: key } = house
    const signed = signV4(put, { key })
    assert.is(await attempt(house, { ...signed, body: 'CONTENT' }), '400 XAmzContentSHA256Mismatch')
    const large = signV4({ ...put, body: 'a'.repeat(2_000_000) }, { key })
    assert.is(await attempt(house, { ...large, body: `${'a'.repeat(1_999_999)}b` }), '400 XAmzContentSHA256Mismatch')
    const xml = '<Delete><Object><Key>kept</Key></Object></Delete>'
    const asked = signV4({ method: 'POST', target: '/alice?delete', body: xml.replace('kept', 'none') }, { key })
    assert.is(await attempt(house, { ...asked, body: xml }), '400 XAmzContentSHA256Mismatch')
    for (const payloadHash of ['', 'x', sha256('content').slice(1), 'UNSIGNED', 'STREAMING-OTHER']) {
      assert.match(await attempt(house, signV4(put, { key, payloadHash })), /^400 Inval/, payloadHash)
    }
  })

  test('13: a form that violates its policy', async ({ house }) => {
    const expiration = minutes(10).toISOString()
    const conditions = [
      { bucket: 'alice' },
      ['starts-with', '$key', 'up/'],
      ['content-length-range', 1, 10],
      ['starts-with', '$x-amz-algorithm', ''],
      ['starts-with', '$x-amz-credential', ''],
      ['starts-with', '$x-amz-date', ''],
    ]
    const policy = { expiration, conditions }
    const send = async (form: { body: string; contentType: string }, bucket = 'alice'): Promise<RawResponse> => {
      const headers = {
        host: 'h',
        'content-type': form.contentType,
        'content-length': String(Buffer.byteLength(form.body)),
      }
      return exchange(house.port, { method: 'POST', target: `/${bucket}`, headers, body: form.body })
    }
    const { alice: key } = house
    const refused = async (form: { body: string; contentType: string }, bucket?: string): Promise<string> => {
      const response = await send(form, bucket)
      assert.equal(await storedPaths(house, 'alice'), ['/kept'])
      assert.equal(await storedPaths(house, 'shared').catch(() => []), [])
      return outcomeOf(response)
    }
    const fields = { key: 'up/a' }
    assert.is(await refused(signedForm(key, { conditions }, fields, 'x')), '400 InvalidPolicyDocument')
    assert.is(
      await refused(signedForm(key, { ...policy, expiration: minutes(-1).toISOString() }, fields, 'x')),
      '403 AccessDenied',
    )
    assert.is(await refused(signedForm(key, policy, { key: 'other' }, 'x')), '403 AccessDenied')
    assert.is(await refused(signedForm(key, policy, fields, 'x'), 'shared'), '403 AccessDenied')
    assert.is(
      await refused(signedForm(key, policy, { ...fields, bucket: 'shared' }, 'x'), 'shared'),
      '403 AccessDenied',
    )
    assert.is(await refused(signedForm(key, policy, { ...fields, acl: 'public-read' }, 'x')), '403 AccessDenied')
    assert.is(await refused(signedForm(key, policy, fields, 'x'.repeat(11))), '400 EntityTooLarge')
    assert.is(await refused(signedForm(key, policy, fields, '')), '400 EntityTooSmall')
    const stranger = { ...key, secretAccessKey: 'other' }
    assert.is(await refused(signedForm(stranger, policy, fields, 'x')), '403 SignatureDoesNotMatch')
    const form = signedForm(key, policy, fields, 'x')
    const anonymous = form.body.replace(/--X\r\n[^\n]*name="(policy|x-amz-[a-z]+)"\r\n\r\n[^\r]*\r\n/g, '')
    assert.is(await refused({ ...form, body: anonymous }), '403 AccessDenied')
    assert.is(outcomeOf(await send(form)), '204')
    assert.is(await stored(house, 'alice', '/up/a'), 'x')
    await exchange(house.port, signV4({ method: 'DELETE', target: '/alice/up/a' }, { key }))
  })

  test.run()
}
