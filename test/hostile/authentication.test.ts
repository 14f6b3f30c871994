import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Headers, presignV2, presignV4, type Signed, signV2, signV4, type Unsigned } from '../support/sign.js'
import { exchange, outcomeOf, type RawRequest, xmlText } from '../support/wire.js'
import { attempt, openKeptHouse, put } from './attack.js'
import { type House, type Mode, stored } from './house.js'

/** README.md, Authentication, but for bodies: the number before a test's name is that of the class. */
for (const mode of ['pachyderm', 'keys'] as const) authenticationTests(mode)

function authenticationTests(mode: Mode): void {
  const test = suite<{ house: House }>(`authentication, mode ${mode}`)

  test.before(async (context) => {
    context.house = await openKeptHouse(mode)
  })

  test.after(({ house }) => house.close())

  test('0: correct signatures pass in every form that is attacked below', async ({ house }) => {
    const { alice: key } = house
    const get: Unsigned = { target: '/alice/kept' }
    const expires = String(Math.floor(Date.now() / 1000) + 60)
    for (const request of [
      signV4(get, { key }),
      presignV4(get, { key }),
      signV2(get, key, '/alice/kept'),
      { target: presignV2('GET', '/alice/kept', key, expires), headers: { host: 'h' } },
    ]) {
      const response = await exchange(house.port, request)
      assert.equal([response.status, response.body], [200, 'kept'])
    }
  })

  test('2: credentials in the query are verified like those in the header', async ({ house }) => {
    const signed = presignV4(put, { key: house.alice })
    const forged = { ...signed, target: signed.target.replace(/Signature=.*/, `Signature=${'0'.repeat(64)}`) }
    assert.is(await attempt(house, forged), '403 SignatureDoesNotMatch')
    const streaming = { ...forged.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
    assert.is(await attempt(house, { ...forged, headers: streaming }), '403 AccessDenied')
    const { alice } = house
    const v2 = `/alice/new?AWSAccessKeyId=${encodeURIComponent(alice.accessKeyId)}&Expires=9999999999&Signature=AAAA`
    assert.is(
      await attempt(house, { ...put, target: v2, headers: { host: 'h', 'content-length': '7' } }),
      '403 SignatureDoesNotMatch',
    )
  })

  test('4: an unknown access key with any secret, even an empty one', async ({ house }) => {
    for (const key of [
      { accessKeyId: 'nobody', secretAccessKey: '' },
      { accessKeyId: 'nobody', secretAccessKey: 'nobody' },
      { accessKeyId: 'undefined', secretAccessKey: 'undefined' },
      { accessKeyId: '__proto__', secretAccessKey: '' },
      { accessKeyId: 'constructor', secretAccessKey: 'undefined' },
    ]) {
      assert.match(await attempt(house, signV4(put, { key })), /^403 (InvalidAccessKeyId|SignatureDoesNotMatch)$/)
      assert.match(await attempt(house, presignV4(put, { key })), /^403 (InvalidAccessKeyId|SignatureDoesNotMatch)$/)
      assert.match(
        await attempt(house, signV2(put, key, '/alice/new')),
        /^403 (InvalidAccessKeyId|SignatureDoesNotMatch)$/,
      )
    }
    assert.match(await attempt(house, signV4(put, { key: { accessKeyId: '', secretAccessKey: '' } })), /^400 /)
  })

  test('4: a known key with a wrong secret', async ({ house }) => {
    for (const secretAccessKey of ['', 'undefined', 'null', '[object Object]', house.tokens.root]) {
      const key = { accessKeyId: house.alice.accessKeyId, secretAccessKey }
      assert.is(await attempt(house, signV4(put, { key })), '403 SignatureDoesNotMatch')
      assert.is(await attempt(house, signV2(put, key, '/alice/new')), '403 SignatureDoesNotMatch')
    }
  })

  test('4: no credentials', async ({ house }) => {
    for (const [method, target] of [
      ['GET', '/'],
      ['GET', '/alice'],
      ['GET', '/alice/kept'],
      ['HEAD', '/alice/kept'],
      ['DELETE', '/alice/kept'],
      ['POST', '/alice?delete'],
      ['PUT', '/made'],
      ['DELETE', '/alice'],
    ] as const) {
      const headers: Headers = { host: 'h', ...(method === 'POST' && { 'content-length': '0' }) }
      assert.match(await attempt(house, { method, target, headers }), /^403( AccessDenied)?$/)
    }
  })

  const minutes = (count: number) => new Date(Date.now() + count * 60_000)

  test('5: a request signed more than 15 minutes ago or ahead', async ({ house }) => {
    const { alice: key } = house
    for (const at of [minutes(-16), minutes(16), minutes(-60 * 24 * 365)]) {
      assert.is(await attempt(house, signV4(put, { key, at })), '403 RequestTimeTooSkewed')
    }
    const date = minutes(-16).toUTCString()
    assert.is(
      await attempt(house, signV2({ ...put, headers: { date } }, key, '/alice/new')),
      '403 RequestTimeTooSkewed',
    )
  })

  test('5: a presigned URL expires at its own time, not at the clock skew limit', async ({ house }) => {
    const get: Unsigned = { target: '/alice/kept' }
    const old = presignV4(get, { key: house.alice, at: minutes(-60), expires: '7200' })
    assert.is((await exchange(house.port, old)).body, 'kept')
    assert.is(
      await attempt(house, presignV4(get, { key: house.alice, at: minutes(-2), expires: '60' })),
      '403 AccessDenied',
    )
    assert.is(await attempt(house, presignV4(get, { key: house.alice, at: minutes(30) })), '403 AccessDenied')
  })

  test('6: an expiry that is not a number of seconds up to seven days', async ({ house }) => {
    for (const expires of [
      '',
      '0',
      '-1',
      '604801',
      '1e3',
      '60.5',
      '0x3c',
      ' 60',
      '60 ',
      'NaN',
      '99999999999999999999',
    ]) {
      const outcome = await attempt(house, presignV4(put, { key: house.alice, expires }))
      assert.is(outcome, '400 AuthorizationQueryParametersError', expires)
    }
    const signed = presignV4(put, { key: house.alice })
    const without = { ...signed, target: signed.target.replace('X-Amz-Expires=60&', '') }
    assert.is(await attempt(house, without), '400 AuthorizationQueryParametersError')
  })

  test('6: V2 Expires that is in the past, absurd or not a number', async ({ house }) => {
    for (const expires of ['0', '1', '-1', 'x', '9e9', '9999999999999999999999', '']) {
      const target = presignV2('GET', '/alice/kept', house.alice, expires)
      assert.is(await attempt(house, { target, headers: { host: 'h' } }), '403 AccessDenied', expires)
    }
  })

  for (const header of ['x-amz-copy-source', 'x-amz-meta-a', 'x-amz-tagging', 'x-amz-acl', 'x-amz-security-token']) {
    test(`7: ${header} that is not signed`, async ({ house }) => {
      const value = header === 'x-amz-copy-source' ? '/alice/kept' : 'x'
      const add = (signed: Signed): Signed => ({ ...signed, headers: { ...signed.headers, [header]: value } })
      assert.is(await attempt(house, add(signV4(put, { key: house.alice }))), '403 AccessDenied')
      assert.is(await attempt(house, add(presignV4(put, { key: house.alice }))), '403 AccessDenied')
      assert.is(await attempt(house, add(signV2(put, house.alice, '/alice/new'))), '403 SignatureDoesNotMatch')
    })
  }

  test('8: host, date and scope are bound to the signature', async ({ house }) => {
    const { alice: key } = house
    const signed = signV4(put, { key })
    const withHeader = (name: string, value: string): Signed => ({
      ...signed,
      headers: { ...signed.headers, [name]: value },
    })
    assert.is(await attempt(house, withHeader('host', 'elsewhere.example')), '403 SignatureDoesNotMatch')
    const time = signed.headers['x-amz-date'] ?? ''
    const second = time.replace(/\d\dZ$/, (text) => (text === '00Z' ? '01Z' : '00Z'))
    assert.is(await attempt(house, withHeader('x-amz-date', second)), '403 SignatureDoesNotMatch')
    const withoutHost = signV4(put, { key, signedHeaders: ['x-amz-date', 'x-amz-content-sha256'] })
    assert.is(await attempt(house, withoutHost), '403 AccessDenied')
    const withoutDate = signV4(put, { key, signedHeaders: ['host', 'x-amz-content-sha256'] })
    assert.is(await attempt(house, withoutDate), '403 AccessDenied')
    const scopes: ((date: string) => string)[] = [
      () => '20200101/us-east-1/s3/aws4_request',
      (date) => `${date}/us-east-1/sts/aws4_request`,
      (date) => `${date}/us-east-1/s3/aws4_other`,
      (date) => `${date}//s3/aws4_request`,
      (date) => `${date}/us-east-1/s3`,
    ]
    for (const scope of scopes) {
      assert.is(await attempt(house, signV4(put, { key, scope })), '400 AuthorizationHeaderMalformed')
      assert.is(await attempt(house, presignV4(put, { key, scope })), '400 AuthorizationQueryParametersError')
    }
  })

  test('8: method, path and query are bound to the signature', async ({ house }) => {
    const signed = presignV4({ target: '/alice/kept' }, { key: house.alice })
    for (const changed of [
      { ...signed, method: 'DELETE' },
      { ...signed, target: signed.target.replace('/kept', '/new') },
      { ...signed, target: signed.target.replace('/alice', '/shared') },
      { ...signed, target: `${signed.target}&versionId=${'f'.repeat(32)}` },
      { ...signed, target: `${signed.target}&uploads` },
      { ...signed, target: signed.target.replace('Expires=60', 'Expires=604800') },
    ]) {
      assert.is(await attempt(house, changed), '403 SignatureDoesNotMatch')
    }
  })

  test('9: a repeated parameter or header', async ({ house }) => {
    const { alice: key } = house
    const signed = presignV4(put, { key })
    for (const again of [
      'X-Amz-Expires=604800',
      `X-Amz-Date=20990101T000000Z`,
      'X-Amz-SignedHeaders=host',
      'X-Amz-Signature=00',
    ]) {
      assert.match(await attempt(house, { ...signed, target: `${signed.target}&${again}` }), /^40[03] \w+$/)
    }
    const header = signV4(put, { key })
    const twice = (name: string, value: string): RawRequest => ({
      ...header,
      headers: [...Object.entries(header.headers), [name, value]],
    })
    for (const [name, value] of [
      ['x-amz-date', '20990101T000000Z'],
      ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
      ['X-Amz-Date', header.headers['x-amz-date'] ?? ''],
      ['authorization', 'AWS a:b'],
      ['Authorization', header.headers.authorization ?? ''],
      ['host', 'elsewhere.example'],
      ['Host', 'gateway.example'],
    ] as const) {
      assert.match(await attempt(house, twice(name, value)), /^40[03]( \w+)?$/, `${name} twice`)
    }
    const listed = signV4({ target: '/alice?prefix=k&prefix=x' }, { key })
    assert.is(await attempt(house, listed), '400 InvalidArgument')
  })

  test('9: a parameter in the query does not replace a header', async ({ house }) => {
    const { alice: key } = house
    const copy = presignV4({ ...put, target: '/alice/new?x-amz-copy-source=%2Falice%2Fkept' }, { key })
    assert.is(outcomeOf(await exchange(house.port, copy)), '200')
    assert.is(await stored(house, 'alice', '/new'), 'content')
    await exchange(house.port, signV4({ method: 'DELETE', target: '/alice/new' }, { key }))
  })

  test('10: a wrong signature gets the same response wherever it differs', async ({ house }) => {
    const signed = signV4(put, { key: house.alice })
    const right = /Signature=([0-9a-f]{64})/.exec(signed.headers.authorization ?? '')?.[1] ?? ''
    const flip = (text: string) => (text === '0' ? '1' : '0')
    const answers = new Set<string>()
    for (const wrong of [
      flip(right.slice(0, 1)) + right.slice(1),
      right.slice(0, -1) + flip(right.slice(-1)),
      right.slice(0, -1),
      `${right}0`,
      right.toUpperCase(),
      'ö'.repeat(32),
    ]) {
      const authorization = (signed.headers.authorization ?? '').replace(right, wrong)
      const response = await exchange(house.port, { ...signed, headers: { ...signed.headers, authorization } })
      assert.is(outcomeOf(response), '403 SignatureDoesNotMatch')
      answers.add(xmlText(response, 'Message') + xmlText(response, 'StringToSign'))
    }
    assert.is(answers.size, 1)
  })

  test('11: two mechanisms in one request', async ({ house }) => {
    const { alice: key } = house
    const signed = presignV4(put, { key })
    for (const authorization of [
      'Bearer abc',
      'Basic YTpi',
      'AWS a:b',
      '',
      signV4(put, { key }).headers.authorization ?? '',
    ]) {
      const request = { ...signed, headers: { ...signed.headers, authorization } }
      assert.is(await attempt(house, request), '400 InvalidArgument', authorization)
    }
    const both = { ...signed, target: `${signed.target}&AWSAccessKeyId=a&Signature=b&Expires=9999999999` }
    assert.is(await attempt(house, both), '400 InvalidArgument')
    const foreign = { ...put, headers: { host: 'h', authorization: 'Bearer abc', 'content-length': '7' } }
    assert.is(await attempt(house, foreign), '400 InvalidArgument')
  })

  test('14: no response and no log contains the correct signature or a secret', async ({ house }) => {
    const { alice: key } = house
    const right = signV4(put, { key })
    const rightV2 = signV2(put, key, '/alice/new')
    const wrong = (signed: Signed): Signed => ({
      ...signed,
      headers: {
        ...signed.headers,
        authorization: (signed.headers.authorization ?? '').replace(/(Signature=|:).*$/, '$1AAAA'),
      },
    })
    const start = house.log.length
    const answers = [await exchange(house.port, wrong(right)), await exchange(house.port, wrong(rightV2))]
    const told = answers.map((answer) => JSON.stringify(answer)).join() + house.log.slice(start).join()
    assert.match(told, 'SignatureDoesNotMatch')
    assert.not.match(told, /Signature=([0-9a-f]{64})/.exec(right.headers.authorization ?? '')?.[1] ?? 'none')
    assert.not.match(told, /:([^:]+)$/.exec(rightV2.headers.authorization ?? '')?.[1] ?? 'none')
    // In Pachyderm's mode the access key, which the caller has just sent, is the secret.
    if (mode === 'keys') assert.not.match(told, key.secretAccessKey)
    assert.not.match(house.log.slice(start).join(), house.tokens.alice)
  })

  test.run()
}
