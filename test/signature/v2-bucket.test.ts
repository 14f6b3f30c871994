import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { authenticate } from '../../lib/signature/authenticate.js'
import { credentialsOf, exampleKey, received } from './request.js'

const test = suite('V2 signatures of a bucket')
const date = 'Tue, 24 Nov 2026 10:00:00 GMT'

/** Whether a request to `target` passes whose signature is of `resource`. */
async function passes(target: string, resource: string, method = 'GET'): Promise<boolean> {
  const { accessKeyId, secretAccessKey } = exampleKey
  const signature = createHmac('sha1', secretAccessKey).update(`${method}\n\n\n${date}\n${resource}`).digest('base64')
  const request = received({
    method,
    target,
    headers: { Host: 'h', Date: date, Authorization: `AWS ${accessKeyId}:${signature}` },
  })
  const credentials = credentialsOf({ [accessKeyId]: secretAccessKey })
  try {
    await authenticate(request, { credentials, now: () => new Date(date) })
    return true
  } catch (error) {
    if (error instanceof S3Error && error.code === 'SignatureDoesNotMatch') return false
    throw error
  }
}

test('may end with a slash that was not sent, as botocore does', async () => {
  assert.is(await passes('/bucket', '/bucket'), true)
  assert.is(await passes('/bucket', '/bucket/'), true)
  assert.is(await passes('/bucket?acl', '/bucket/?acl'), true)
  assert.is(await passes('/bucket/', '/bucket/'), true)
})

test('but not for any other path, where a slash makes another key', async () => {
  assert.is(await passes('/bucket/key', '/bucket/key/'), false)
  assert.is(await passes('/bucket/key/', '/bucket/key'), false)
  assert.is(await passes('/bucket', '/other/'), false)
})

test('may omit newer subresources for reads, as botocore does, but not for writes, and never older ones', async () => {
  for (const name of ['encryption', 'ownershipControls', 'attributes']) {
    assert.is(await passes(`/bucket?${name}`, `/bucket?${name}`), true)
    assert.is(await passes(`/bucket?${name}`, '/bucket'), true)
    assert.is(await passes(`/bucket?${name}`, `/bucket?${name}`, 'PUT'), true)
    assert.is(await passes(`/bucket?${name}`, '/bucket', 'PUT'), false)
  }
  assert.is(await passes('/bucket?acl', '/bucket'), false)
  assert.is(await passes('/bucket/key?versionId=1', '/bucket/key'), false)
})

test.run()
