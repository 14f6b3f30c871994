import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { authenticate, type SignatureOptions } from '../../lib/signature/authenticate.js'
import { codeOf, errorOf } from '../support/s3-error.js'
import { credentialsOf, exampleCredentials, exampleKey, received, type Sent } from './request.js'
import { presign, scope, signedAt, signHeader, timestamp } from './signer.js'

/** Invalid Authorization headers and queries: test/hostile/README.md, Authentication. */
const test = suite('refused signatures')

function check(sent: Sent, options: Partial<SignatureOptions> = {}) {
  return authenticate(received(sent), { credentials: exampleCredentials, now: () => signedAt, ...options })
}
function later(seconds: number): Partial<SignatureOptions> {
  return { now: () => new Date(signedAt.getTime() + seconds * 1000) }
}
/** A signed request whose Authorization header is rewritten. */
async function withAuthorization(change: (authorization: string) => string): Promise<Sent> {
  const signed = await signHeader({ target: '/bucket/key' })
  return { ...signed, headers: { ...signed.headers, authorization: change(signed.headers.authorization ?? '') } }
}
test('no credentials at all', async () => {
  assert.is((await errorOf(check({ target: '/bucket', headers: { Host: 'h' } }))).code, 'AccessDenied')
})

test('an unknown access key, and one with an empty secret', async () => {
  const signed = await signHeader({ target: '/' })
  for (const credentials of [credentialsOf({}), credentialsOf({ [exampleKey.accessKeyId]: '' })]) {
    const { code, fields } = await errorOf(check(signed, { credentials }))
    assert.equal({ code, fields }, { code: 'InvalidAccessKeyId', fields: { AWSAccessKeyId: exampleKey.accessKeyId } })
  }
})

test('a wrong secret is SignatureDoesNotMatch, which contains the signed text but never the correct signature', async () => {
  const signed = await signHeader({ target: '/bucket/key' })
  const wrong = await withAuthorization((text) => text.replace(/Signature=.*/, `Signature=${'0'.repeat(64)}`))
  const error = await errorOf(check(wrong))
  assert.is(error.code, 'SignatureDoesNotMatch')
  assert.equal(Object.keys(error.fields), [
    'AWSAccessKeyId',
    'StringToSign',
    'SignatureProvided',
    'StringToSignBytes',
    'CanonicalRequest',
    'CanonicalRequestBytes',
  ])
  assert.match(error.fields.StringToSign ?? '', new RegExp(`^AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n[0-9a-f]{64}$`))
  assert.match(error.fields.CanonicalRequest ?? '', /^GET\n\/bucket\/key\n\nhost:gateway\.example\n/)
  assert.match(error.fields.CanonicalRequestBytes ?? '', /^47 45 54 0a /)
  const right = /Signature=(.*)/.exec(signed.headers.authorization ?? '')?.[1] ?? ''
  assert.not.match(JSON.stringify(error.fields) + error.message + String(error.cause), right)
})

test('a wrong V2 signature', async () => {
  const headers = { Date: signedAt.toUTCString(), Authorization: `AWS ${exampleKey.accessKeyId}:AAAA` }
  const error = await errorOf(check({ target: '/bucket/key', headers }))
  assert.is(error.code, 'SignatureDoesNotMatch')
  assert.equal(Object.keys(error.fields), ['AWSAccessKeyId', 'StringToSign', 'SignatureProvided', 'StringToSignBytes'])
})

const header: Record<string, [(authorization: string) => string, RegExp]> = {
  'another date in the scope': [(text) => text.replace('20260203/', '20260202/'), /Invalid credential date "20260202"/],
  'a date in another format': [
    (text) => text.replace('20260203/', '2026-02-03/'),
    /incorrect date format "2026-02-03"/,
  ],
  'another service': [(text) => text.replace('/s3/', '/sts/'), /incorrect service "sts"/],
  'another terminator': [(text) => text.replace('/aws4_request', '/aws5_request'), /incorrect terminal "aws5_request"/],
  'no region': [(text) => text.replace('/us-east-1/', '//'), /non-empty region/],
  'no access key': [(text) => text.replace(exampleKey.accessKeyId, ''), /non-empty Access Key/],
  'a scope without a part': [(text) => text.replace('/us-east-1', ''), /Credential is mal-formed/],
  'no signature': [(text) => text.replace(/, Signature=.*/, ''), /three components/],
  'no credential': [(text) => text.replace(/Credential=[^,]*, /, ''), /three components/],
  'two signatures': [(text) => `${text}, Signature=${'0'.repeat(64)}`, /component "Signature=0+" is malformed/],
  'a component of no kind': [(text) => `${text}, Extra=1`, /three components/],
  'a component without a value': [(text) => `${text}, Extra`, /component "Extra" is malformed/],
  'no components': [() => 'AWS4-HMAC-SHA256 ', /component "" is malformed/],
  'upper-case signed headers': [(text) => text.replace('SignedHeaders=host', 'SignedHeaders=Host'), /SignedHeaders/],
  'a signed header twice': [(text) => text.replace('SignedHeaders=host', 'SignedHeaders=host;host'), /SignedHeaders/],
  'no signed headers': [(text) => text.replace(/SignedHeaders=[^,]*/, 'SignedHeaders='), /SignedHeaders/],
}

for (const [name, [change, message]] of Object.entries(header)) {
  test(`V4 header with ${name}`, async () => {
    const error = await errorOf(check(await withAuthorization(change)))
    assert.is(error.code, 'AuthorizationHeaderMalformed')
    assert.match(error.message, message)
  })
}

test('a fixed region', async () => {
  const signed = await signHeader({ target: '/' })
  await check(signed, { region: 'us-east-1' })
  const error = await errorOf(check(signed, { region: 'eu-west-1' }))
  assert.is(error.code, 'AuthorizationHeaderMalformed')
  assert.equal(error.fields, { Region: 'eu-west-1' })
})

test('another authorization scheme', async () => {
  for (const authorization of [
    'Bearer token',
    'Basic dTpw',
    'AWS4-ECDSA-P256-SHA256 Credential=a',
    'AWS4-HMAC-SHA256',
    'aws a:b',
  ]) {
    const error = await errorOf(check({ target: '/', headers: { Authorization: authorization } }))
    assert.is(error.code, 'InvalidArgument')
    assert.is(error.message, 'Unsupported Authorization Type')
    assert.equal(error.fields, { ArgumentName: 'Authorization' })
  }
})

test('an empty Authorization header counts as missing', async () => {
  const error = await errorOf(check({ target: '/', headers: { Authorization: '' } }))
  assert.is(error.code, 'AccessDenied')
})

test('two mechanisms at once, whatever the second is', async () => {
  const signed = await presign({ target: '/bucket/key' })
  const second: Sent[] = [
    { ...signed, headers: { ...signed.headers, Authorization: 'Bearer token' } },
    { ...signed, headers: { ...signed.headers, Authorization: `AWS ${exampleKey.accessKeyId}:x` } },
    { ...signed, target: `${signed.target}&Signature=x` },
    { ...signed, target: `${signed.target}&AWSAccessKeyId=x` },
  ]
  const header = await signHeader({ target: '/bucket/key' })
  second.push({ ...header, target: '/bucket/key?X-Amz-Signature=x' })
  second.push({ ...header, headers: [...Object.entries(header.headers), ['Authorization', 'Bearer token']] })
  for (const sent of second) {
    const error = await errorOf(check(sent))
    assert.is(error.code, 'InvalidArgument')
    assert.match(error.message, 'Only one auth mechanism allowed')
  }
})

test('a request signed more than 15 minutes ago or ahead', async () => {
  const signed = await signHeader({ target: '/' })
  await check(signed, later(900))
  await check(signed, later(-900))
  for (const seconds of [901, -901, 86400]) {
    const { code, fields } = await errorOf(check(signed, later(seconds)))
    assert.is(code, 'RequestTimeTooSkewed')
    assert.is(fields.MaxAllowedSkewMilliseconds, '900000')
  }
})

test('a V2 request signed more than 15 minutes ago', async () => {
  const headers = { Date: signedAt.toUTCString(), Authorization: `AWS ${exampleKey.accessKeyId}:AAAA` }
  assert.is(await codeOf(check({ target: '/', headers }, later(901))), 'RequestTimeTooSkewed')
})

test('a V2 request signed before 1970 has no valid date, as on S3', async () => {
  const headers = { Date: 'Tue, 07 Jul 1953 21:53:04 GMT', Authorization: `AWS ${exampleKey.accessKeyId}:AAAA` }
  assert.is(await codeOf(check({ target: '/', headers })), 'AccessDenied')
})

test('a date that is missing, malformed or repeated', async () => {
  const { headers } = await signHeader({ target: '/' })
  const { 'x-amz-date': date = '', ...undated } = headers
  const given: Sent['headers'][] = [
    undated,
    ...['', '20260231T000000Z', '20260203', '2026-02-03T04:05:06Z', '1'].map((value) => ({
      ...headers,
      'x-amz-date': value,
    })),
    [...Object.entries(headers), ['X-Amz-Date', date]],
  ]
  for (const one of given) {
    const error = await errorOf(check({ target: '/', headers: one ?? [] }))
    assert.is(error.code, 'AccessDenied')
    assert.match(error.message, 'requires a valid Date or x-amz-date header')
  }
  for (const value of ['', 'yesterday', '1770091506']) {
    assert.is(await codeOf(check({ target: '/', headers: { Date: value, Authorization: 'AWS a:b' } })), 'AccessDenied')
  }
})

test('V4 without x-amz-content-sha256', async () => {
  const { 'x-amz-content-sha256': _, ...headers } = (await signHeader({ target: '/' })).headers
  const error = await errorOf(check({ target: '/', headers }))
  assert.is(error.code, 'InvalidRequest')
  assert.is(error.message, 'Missing required header for this request: x-amz-content-sha256')
})

test('an unsigned x-amz-* header or host', async () => {
  const added = { 'x-amz-copy-source': '/bucket/other', 'x-amz-meta-a': '1' }
  for (const signed of [await signHeader({ target: '/bucket/key' }), await presign({ target: '/bucket/key' })]) {
    const error = await errorOf(check({ ...signed, headers: { ...signed.headers, ...added } }))
    assert.is(error.code, 'AccessDenied')
    assert.is(error.message, 'There were headers present in the request which were not signed')
    assert.equal(error.fields, { HeadersNotSigned: 'x-amz-copy-source, x-amz-meta-a' })
  }
  const error = await errorOf(check(await withAuthorization((text) => text.replace('host;', ''))))
  assert.equal(error.fields, { HeadersNotSigned: 'host' })
})

test('an unsigned session token', async () => {
  const header = await signHeader({ target: '/bucket/key' })
  const query = await presign({ target: '/bucket/key' })
  const sent: Sent[] = [
    { ...header, headers: { ...header.headers, 'X-Amz-Security-Token': 'token' } },
    { ...query, headers: { ...query.headers, 'X-Amz-Security-Token': 'token' } },
    { ...query, target: `${query.target}&X-Amz-Security-Token=token` },
  ]
  const codes = await Promise.all(sent.map((one) => codeOf(check(one))))
  assert.equal(codes, ['AccessDenied', 'AccessDenied', 'SignatureDoesNotMatch'])
})

test('any change of a signed value', async () => {
  const signed = await signHeader({
    method: 'PUT',
    target: '/bucket/key?partNumber=1&uploadId=x',
    headers: { 'x-amz-meta-a': 'one', 'content-type': 'text/plain' },
  })
  const changes: Sent[] = [
    { ...signed, method: 'DELETE' },
    { ...signed, target: '/bucket/kez?partNumber=1&uploadId=x' },
    { ...signed, target: '/bucket/key?partNumber=2&uploadId=x' },
    { ...signed, target: '/bucket/key?partNumber=1&uploadId=x&versionId=y' },
    { ...signed, target: '/bucket/key?partNumber=1&uploadId=x&uploadId=y' },
    { ...signed, target: '/bucket/key?partNumber=1' },
    { ...signed, headers: { ...signed.headers, host: 'other.example' } },
    { ...signed, headers: { ...signed.headers, 'x-amz-meta-a': 'two' } },
    { ...signed, headers: { ...signed.headers, 'content-type': 'text/html' } },
    { ...signed, headers: { ...signed.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
    { ...signed, headers: { ...signed.headers, 'x-amz-date': '20260203T040507Z' } },
    { ...signed, headers: [...Object.entries(signed.headers), ['X-Amz-Meta-A', 'two']] },
    { ...signed, headers: [...Object.entries(signed.headers), ['Host', 'other.example']] },
  ]
  for (const change of changes) assert.is(await codeOf(check(change)), 'SignatureDoesNotMatch', JSON.stringify(change))
})
test('a V2 header without a colon or a key', async () => {
  for (const authorization of ['AWS key', 'AWS :signature', 'AWS ']) {
    const error = await errorOf(
      check({
        target: '/',
        headers: { Date: signedAt.toUTCString(), Authorization: authorization },
      }),
    )
    assert.match(error.message, 'Expected AwsAccessKeyId:signature')
  }
})

test('no request passes after a failed look-up, even if anonymous callers may pass', async () => {
  const away = new S3Error('ServiceUnavailable')
  const signed = await signHeader({ target: '/' })
  const fails = async () => Promise.reject(away)
  const unknown = { credentialFor: fails, anonymousAllowed: async () => true }
  assert.is(await codeOf(check(signed, { credentials: unknown })), 'ServiceUnavailable')
  const undecided = { credentialFor: async () => undefined, anonymousAllowed: fails }
  assert.is(await codeOf(check(signed, { credentials: undecided })), 'ServiceUnavailable')
  assert.is(await codeOf(check({ target: '/' }, { credentials: undecided })), 'ServiceUnavailable')
})

test('without active auth, any credentials pass as anonymous, without a token', async () => {
  const credentials = credentialsOf({}, true)
  const signed = await signHeader({ target: '/' })
  const url = await presign({ target: '/' })
  const sent: Sent[] = [
    { target: '/' },
    signed,
    url,
    { target: '/', headers: { Authorization: 'Bearer x' } },
    { ...url, headers: { Authorization: 'Bearer x' } },
    { target: '/', headers: { Authorization: 'AWS a:b', Date: 'never' } },
  ]
  for (const one of sent) assert.equal((await check(one, { credentials })).identity, {})
  const known = credentialsOf({ [exampleKey.accessKeyId]: exampleKey.secretAccessKey }, true)
  assert.is((await check(signed, { credentials: known })).identity.accessKeyId, exampleKey.accessKeyId)
  assert.equal((await check(signed, { credentials: known, ...later(10_000) })).identity, {})
})

test.run()
