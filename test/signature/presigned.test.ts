import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { authenticate, type SignatureOptions } from '../../lib/signature/authenticate.js'
import { codeOf, errorOf } from '../support/s3-error.js'
import { exampleCredentials, exampleKey, received, type Sent } from './request.js'
import { presign, signedAt } from './signer.js'

/** Invalid queries of presigned URLs: test/hostile/README.md, Authentication. */
const test = suite('refused URLs')

function check(sent: Sent, options: Partial<SignatureOptions> = {}) {
  return authenticate(received(sent), { credentials: exampleCredentials, now: () => signedAt, ...options })
}
function later(seconds: number): Partial<SignatureOptions> {
  return { now: () => new Date(signedAt.getTime() + seconds * 1000) }
}
/** A presigned URL of which one parameter is changed; removed where undefined. */
async function withParameter(name: string, value: string | undefined): Promise<Sent> {
  const signed = await presign({ target: '/bucket/key' })
  const [path, query] = signed.target.split('?')
  const parameters = new URLSearchParams(query)
  if (value === undefined) parameters.delete(name)
  else parameters.set(name, value)
  return { ...signed, target: `${path}?${parameters.toString().replaceAll('+', '%20')}` }
}
for (const name of ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature']) {
  test(`a presigned URL with X-Amz-${name} missing or repeated`, async () => {
    const without = await withParameter(`X-Amz-${name}`, undefined)
    assert.is(await codeOf(check(without)), 'AuthorizationQueryParametersError')
    const signed = await presign({ target: '/bucket/key' })
    for (const sent of [`${signed.target}&X-Amz-${name}=1`, signed.target.replace('?', `?X-Amz-${name}=1&`)]) {
      assert.is(await codeOf(check({ ...signed, target: sent })), 'InvalidArgument')
    }
  })
}

for (const value of ['0', '-1', '604801', 'abc', '1.5', '1e3', '', ' 60', '99999999999999999999999']) {
  test(`X-Amz-Expires=${value}`, async () => {
    assert.is(await codeOf(check(await withParameter('X-Amz-Expires', value))), 'AuthorizationQueryParametersError')
  })
}

const query: Record<string, [string, string]> = {
  'another algorithm': ['X-Amz-Algorithm', 'AWS4-ECDSA-P256-SHA256'],
  'a date of no calendar': ['X-Amz-Date', '20261301T000000Z'],
  'another date than the scope': ['X-Amz-Date', '20260204T000000Z'],
  'a scope without a part': ['X-Amz-Credential', `${exampleKey.accessKeyId}/20260203/us-east-1/s3`],
  'invalid signed headers': ['X-Amz-SignedHeaders', 'host,date'],
}

for (const [name, [parameter, value]] of Object.entries(query)) {
  test(`a presigned URL with ${name}`, async () => {
    assert.is(await codeOf(check(await withParameter(parameter, value))), 'AuthorizationQueryParametersError')
  })
}

test('a presigned URL expires at its own time, not at the clock skew limit', async () => {
  const week = await presign({ target: '/bucket/key' }, 604800)
  await check(week, later(604800))
  await check(week, later(-900))
  const late = await errorOf(check(week, later(604801)))
  assert.equal([late.code, late.message], ['AccessDenied', 'Request has expired'])
  assert.is(late.fields.Expires, '2026-02-10T04:05:06Z')
  const early = await errorOf(check(week, later(-901)))
  assert.equal([early.code, early.message], ['AccessDenied', 'Request is not yet valid'])
  assert.is(await codeOf(check(await presign({ target: '/' }, 1), later(2))), 'AccessDenied')
})

test('a presigned URL whose expiry is extended', async () => {
  assert.is(await codeOf(check(await withParameter('X-Amz-Expires', '61'))), 'SignatureDoesNotMatch')
})

test('a V2 URL that is incomplete, expired or has an invalid date', async () => {
  const target = (expires: string) => `/bucket/key?AWSAccessKeyId=a&Signature=b&Expires=${expires}`
  const now = Math.floor(signedAt.getTime() / 1000)
  for (const one of ['/b?AWSAccessKeyId=a', '/b?Signature=b', '/b?AWSAccessKeyId=a&Signature=b', target('')]) {
    assert.match((await errorOf(check({ target: one }))).message, 'requires the Signature, Expires and AWSAccessKeyId')
  }
  for (const expires of ['abc', '-1', '1e99', '9999999999999', '0x7fffffff']) {
    assert.match((await errorOf(check({ target: target(expires) }))).message, 'Invalid date')
  }
  assert.is((await errorOf(check({ target: target(String(now - 1)) }))).message, 'Request has expired')
  assert.is(await codeOf(check({ target: `${target(String(now))}&Expires=${now + 9}` })), 'InvalidArgument')
})
test.run()
