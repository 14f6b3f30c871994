import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { authenticate } from '../../lib/signature/authenticate.js'
import { authenticatePost } from '../../lib/signature/post-policy.js'
import { fileOf } from '../support/root.js'
import { codeOf } from '../support/s3-error.js'
import { credentialsOf, readAll, received } from './request.js'

interface Signed {
  readonly name: string
  readonly at: string
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

interface Fixtures {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly requests: readonly Signed[]
  readonly forms: readonly { readonly name: string; readonly at: string; readonly fields: Record<string, string> }[]
}

/** Requests that botocore signed; see fixtures/make-fixtures.py. */
const fixtures: Fixtures = JSON.parse(readFileSync(fileOf('test/signature/fixtures/botocore.json'), 'utf8'))
const credentials = credentialsOf({ [fixtures.accessKeyId]: fixtures.secretAccessKey })
const test = suite('signatures of botocore')

function check(signed: Signed, secondsLater = 0) {
  const now = () => new Date(Date.parse(signed.at) + secondsLater * 1000)
  return authenticate(received(signed), { credentials, now })
}

for (const signed of fixtures.requests) {
  test(signed.name, async () => {
    const { identity, body } = await check(signed)
    const { accessKeyId } = fixtures
    assert.equal(identity, { accessKeyId, authToken: `token of ${accessKeyId}`, requester: undefined })
    assert.is((await readAll(body)).toString(), signed.body)
  })
}

test('a request is valid for 15 minutes, a presigned URL until it expires', async () => {
  for (const signed of fixtures.requests.filter(({ name }) => name.endsWith(': service'))) {
    const query = signed.name.includes('query')
    const life = query ? 600 : 900
    assert.is(await codeOf(check(signed, life)), 'none', signed.name)
    assert.is(await codeOf(check(signed, life + 1)), query ? 'AccessDenied' : 'RequestTimeTooSkewed', signed.name)
  }
})

test('a percent-encoded path may be re-encoded in transit', async () => {
  for (const signed of fixtures.requests.filter(({ name }) => /^v4.*key '(~tilde|\(x\)|a\*b!|日本)/.test(name))) {
    const [path = '', query] = signed.target.split('?')
    const lower = path.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
    const bare = path.replace(/%(28|29|2A|21)/gi, decodeURIComponent).replaceAll('~', '%7e')
    for (const target of [lower, bare]) {
      await check({ ...signed, target: query === undefined ? target : `${target}?${query}` })
    }
  }
})

for (const { name, at, fields } of fixtures.forms) {
  test(name, async () => {
    const form = new Map(
      Object.entries({ ...fields, key: 'up/file' }).map(([field, value]) => [field.toLowerCase(), value]),
    )
    const { identity, limits } = await authenticatePost(form, 'bucket', { credentials, now: () => new Date(at) })
    assert.is(identity.accessKeyId, fixtures.accessKeyId)
    assert.equal(limits, { minLength: 1, maxLength: 1024 })
  })
}

test.run()
