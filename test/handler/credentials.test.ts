import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuthConfig, type Credential, PfsError } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { type Key, signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf } from '../support/wire.js'

const test = suite('credentials')

/** The outcome of ListBuckets, signed with a key. */
async function outcome(authConfig: AuthConfig, key: Key, pfs: PachydermApi = createMemoryPfs()): Promise<string> {
  const gateway = await startGateway({ pfs, authConfig })
  try {
    return outcomeOf(await exchange(gateway.port, signV4({ target: '/' }, { key })))
  } finally {
    await gateway.close()
  }
}

/** As a program in JavaScript might answer. */
function keys(answer: unknown): AuthConfig {
  return { mode: 'keys', credentialFor: async () => answer as Credential | undefined }
}

for (const answer of [
  {},
  { secretAccessKey: undefined },
  { secretAccessKey: null },
  { secretAccessKey: 5 },
  'secret',
  true,
]) {
  test(`a credential ${JSON.stringify(answer)} verifies no signature, not even of the word "undefined"`, async () => {
    for (const secretAccessKey of ['undefined', 'null', '5', 'secret', '']) {
      assert.is(await outcome(keys(answer), { accessKeyId: 'AK', secretAccessKey }), '500 InternalError')
    }
  })
}

test('an access key is unknown if it has no credential or an empty secret', async () => {
  for (const answer of [undefined, null, { secretAccessKey: '' }]) {
    assert.is(await outcome(keys(answer), { accessKeyId: 'AK', secretAccessKey: '' }), '403 InvalidAccessKeyId')
  }
})

test('no request passes if the look-up fails', async () => {
  const credentialFor = () => Promise.reject(new Error('the vault is sealed'))
  assert.is(
    await outcome({ mode: 'keys', credentialFor }, { accessKeyId: 'AK', secretAccessKey: 'x' }),
    '500 InternalError',
  )
})

const anybody: Key = { accessKeyId: 'anybody', secretAccessKey: 'anything' }
const itself: Key = { accessKeyId: 'token', secretAccessKey: 'token' }

test('mode pachyderm: everyone passes if auth is not active, only tokens that PFS knows if it is', async () => {
  const config: AuthConfig = { mode: 'pachyderm' }
  assert.is(await outcome(config, anybody), '200')
  assert.is(await outcome(config, anybody, createMemoryPfs({ rootToken: 'token' })), '403 InvalidAccessKeyId')
  const forged = { accessKeyId: 'token', secretAccessKey: 'guess' }
  assert.is(await outcome(config, forged, createMemoryPfs({ rootToken: 'token' })), '403 SignatureDoesNotMatch')
  assert.is(await outcome(config, itself, createMemoryPfs({ rootToken: 'other' })), '403 InvalidAccessKeyId')
  assert.is(await outcome(config, itself, createMemoryPfs({ rootToken: 'token' })), '200')
})

test('mode pachyderm: nothing passes if the gateway cannot find out whether auth is active', async () => {
  for (const status of ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'UNKNOWN', 'PERMISSION_DENIED', 'INTERNAL'] as const) {
    const pfs = createMemoryPfs()
    pfs.whoAmI = () => Promise.reject(new PfsError(status, 'no answer'))
    assert.match(await outcome({ mode: 'pachyderm' }, anybody, pfs), /^(403|50[03]) /, status)
  }
})

test('mode pachyderm: an unknown token is refused before the body, and looked up once', async () => {
  const pfs = createMemoryPfs({ rootToken: 'token' })
  const asked: string[] = []
  const gateway = await startGateway({
    pfs: {
      ...pfs,
      whoAmI: (options) => {
        asked.push(options?.authToken ?? '')
        return pfs.whoAmI(options)
      },
    },
    authConfig: { mode: 'pachyderm' },
  })
  const key = { accessKeyId: 'invented', secretAccessKey: 'invented' }
  for (let round = 0; round < 3; round += 1) {
    const put = { method: 'PUT', target: '/images/key', headers: { 'content-length': '1000000' } }
    const wire = await openWire(gateway.port)
    wire.send(bytesOf(signV4(put, { key, payloadHash: 'UNSIGNED-PAYLOAD' })))
    const answer = await wire.response()
    wire.close()
    assert.is(answer && outcomeOf(answer), '403 InvalidAccessKeyId')
  }
  await gateway.close()
  assert.is(asked.filter((token) => token === 'invented').length, 1)
})

/** Everything that a client can see of a token, asked for with a key that is valid for the gateway. */
const requests = [
  { target: '/' },
  { target: '/images' },
  { target: '/images/k' },
  { method: 'PUT', target: '/images/k', body: 'x' },
  { method: 'PUT', target: '/images/copy', headers: { 'x-amz-copy-source': 'images/k' } },
  { method: 'DELETE', target: '/images/k' },
  { method: 'POST', target: '/images?delete', body: '<Delete><Object><Key>k</Key></Object></Delete>' },
  { method: 'POST', target: '/images/k?uploads' },
] as const

for (const mode of ['keys', 'none'] as const) {
  for (const state of ['unknown', 'expired', 'missing'] as const) {
    test(`mode ${mode}: a token that is ${state} is AccessDenied for the client, and named to the operator`, async () => {
      let now = new Date()
      const pfs = createMemoryPfs({ rootToken: 'root', now: () => now })
      const authToken =
        state === 'expired' ? await pfs.getRobotToken({ robot: 'r', ttlSeconds: 60 }, { authToken: 'root' }) : 'dead'
      now = new Date(now.getTime() + 120_000)
      const token = state === 'missing' ? {} : { authToken }
      const secretAccessKey = 'secret-of-reports'
      const authConfig: AuthConfig =
        mode === 'none' ? { mode, ...token } : { mode, credentialFor: async () => ({ secretAccessKey, ...token }) }
      const errors: string[] = []
      const onError = (error: unknown) => void errors.push(String(error))
      const gateway = await startGateway({ pfs, authConfig, options: { onError } })
      const key = { accessKeyId: 'REPORTS', secretAccessKey }
      try {
        for (const request of requests) {
          const answer = await exchange(gateway.port, signV4(request, { key }))
          const name = `${'method' in request ? request.method : 'GET'} ${request.target}`
          assert.is(outcomeOf(answer), '403 AccessDenied', name)
          const told = errors.splice(0)
          assert.is(told.length, 1, name)
          assert.match(told[0] ?? '', mode === 'keys' ? 'access key "REPORTS"' : "mode 'none'")
          assert.not.match(told[0] ?? '', authToken)
        }
      } finally {
        await gateway.close()
      }
    })
  }
}

test('mode keys: a token without a permission is not reported to the operator', async () => {
  const pfs = createMemoryPfs({ rootToken: 'root' })
  await pfs.createRepo({ repo: { project: 'default', name: 'images', type: 'user' } }, { authToken: 'root' })
  const authToken = await pfs.getRobotToken({ robot: 'r' }, { authToken: 'root' })
  const key = { accessKeyId: 'REPORTS', secretAccessKey: 'secret-of-reports' }
  const errors: unknown[] = []
  const gateway = await startGateway({
    pfs,
    authConfig: { mode: 'keys', credentialFor: async () => ({ ...key, authToken }) },
    options: { onError: (error) => void errors.push(error) },
  })
  const put = { method: 'PUT', target: '/images/k', body: 'x' }
  assert.is(outcomeOf(await exchange(gateway.port, signV4(put, { key }))), '403 AccessDenied')
  await gateway.close()
  assert.equal(errors, [])
})

test.run()
