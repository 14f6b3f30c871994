import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { authenticate } from '../../lib/signature/authenticate.js'
import { exampleCredentials, exampleKey, received, type Sent } from './request.js'
import { presign, type Signed, signedAt, signHeader } from './signer.js'

/** The log's cause of a wrong signature. */
const test = suite('likely cause')

async function causeOf(sent: Sent): Promise<string> {
  try {
    await authenticate(received(sent), { credentials: exampleCredentials, now: () => signedAt })
  } catch (error) {
    assert.instance(error, S3Error)
    const { code, cause } = error as S3Error
    assert.is(code, 'SignatureDoesNotMatch')
    return (cause as Error).message
  }
  throw new Error('the signature matches')
}

function changed(signed: Signed, target: string, headers: Record<string, string> = {}): Sent {
  return { ...signed, target, headers: { ...signed.headers, ...headers } }
}

test('a mount prefix that the client did not sign', async () => {
  const signed = await signHeader({ target: '/bucket/a/b' })
  assert.match(await causeOf(changed(signed, '/s3/bucket/a/b')), /without the mount prefix \/s3$/)
  assert.match(await causeOf(changed(signed, '/api/s3/bucket/a/b')), /without the mount prefix \/api\/s3$/)
})

test('a prefix that a proxy removed', async () => {
  const signed = await signHeader({ target: '/s3/bucket/key' })
  assert.match(
    await causeOf(changed(signed, '/bucket/key', { 'X-Forwarded-Prefix': '/s3/' })),
    /signed the prefix \/s3, which was removed/,
  )
})

test('a Host header that a proxy changed', async () => {
  const signed = await signHeader({ target: '/bucket', headers: { host: 'files.example' } })
  const sent = changed(signed, '/bucket', { host: '10.0.0.1:30600', 'X-Forwarded-Host': 'files.example' })
  assert.match(await causeOf(sent), /Host header was changed in transit: the client signed files\.example$/)
  assert.match(
    await causeOf(changed(signed, '/bucket', { host: 'files.example:30600' })),
    /the client signed files\.example$/,
  )
  const port = await signHeader({ target: '/bucket', headers: { host: 'files.example:443' } })
  assert.match(
    await causeOf(changed(port, '/bucket', { host: 'files.example' })),
    /the client signed files\.example:443$/,
  )
})

test('both at once', async () => {
  const signed = await signHeader({ target: '/bucket/key', headers: { host: 'files.example' } })
  const sent = changed(signed, '/s3/bucket/key', { host: 'inner', 'X-Forwarded-Host': 'files.example' })
  assert.match(await causeOf(sent), /mount prefix \/s3; and the Host header was changed/)
})

test('a path that was decoded in transit, or encoded twice by the client', async () => {
  const signed = await presign({ target: '/bucket/a%2541' })
  const query = signed.target.slice(signed.target.indexOf('?'))
  assert.match(
    await causeOf(changed(signed, `/bucket/a%41${query}`)),
    /decoded in transit, or the client encoded it twice/,
  )
})

test('a path that the client signed decoded or normalised', async () => {
  const decoded = await signHeader({ target: '/bucket/a b/é' })
  assert.match(await causeOf(changed(decoded, '/bucket/a%20b/%C3%A9')), /signed the decoded path/)
  const normalised = await signHeader({ target: '/bucket/b' })
  assert.match(await causeOf(changed(normalised, '/bucket//a/../b')), /normalised/)
})

test('a virtual host that is not configured, under V2', async () => {
  // From AWS's documentation.
  const headers = {
    Host: 'johnsmith.s3.amazonaws.com',
    Date: 'Tue, 27 Mar 2007 19:36:42 +0000',
    Authorization: `AWS ${exampleKey.accessKeyId}:bWq2s1WEIj+Ydj0vQ697zp+IXMU=`,
  }
  const now = () => new Date('2007-03-27T19:36:42Z')
  const outcome = authenticate(received({ target: '/photos/puppy.jpg', headers }), {
    credentials: exampleCredentials,
    now,
  })
  const { cause } = (await outcome.catch((error: S3Error) => error)) as { cause: Error }
  assert.match(cause.message, /virtual-hosted style, but no domain is configured/)
})

test('no known cause', async () => {
  const signed = await signHeader({ target: '/bucket/key', headers: { 'x-amz-meta-a': '1' } })
  assert.match(await causeOf(changed(signed, '/bucket/key', { 'x-amz-meta-a': '2' })), /no change of path or host/)
})

test('a path that cannot be decoded does no harm', async () => {
  const signed = await signHeader({ target: '/bucket/key' })
  const outcome = authenticate(received(changed(signed, '/bucket/%zz')), {
    credentials: exampleCredentials,
    now: () => signedAt,
  })
  assert.is(((await outcome.catch((error: S3Error) => error)) as S3Error).code, 'InvalidURI')
})

test.run()
