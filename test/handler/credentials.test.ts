import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuthConfig, type Credential, createMemoryPfs, type PfsClient, PfsError } from '../../lib/index.js'
import { startGateway } from '../support/gateway.js'
import { type Key, signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf } from '../support/wire.js'

const test = suite('credentials')

/** The outcome of ListBuckets, signed with a key. */
async function outcome(authConfig: AuthConfig, key: Key, pfs: PfsClient = createMemoryPfs()): Promise<string> {
  const gateway = await startGateway({ pfs, authConfig })
  try {
    return outcomeOf(await exchange(gateway.port, signV4({ target: '/' }, { key })))
  } finally {
    await gateway.close()
  }
}

/** As a program in JavaScript might answer. */
function keys(answer: unknown): AuthConfig {
  return { mode: 'keys', secretFor: async () => answer as Credential | undefined }
}

for (const answer of [
  {},
  { secretAccessKey: undefined },
  { secretAccessKey: null },
  { secretAccessKey: 5 },
  'secret',
  true,
]) {
  test(`a credential ${JSON.stringify(answer)} signs nothing, nor does the word for what it has not`, async () => {
    for (const secretAccessKey of ['undefined', 'null', '5', 'secret', '']) {
      assert.is(await outcome(keys(answer), { accessKeyId: 'AK', secretAccessKey }), '500 InternalError')
    }
  })
}

test('no credential is an access key that is not known, and so is one with an empty secret', async () => {
  for (const answer of [undefined, null, { secretAccessKey: '' }]) {
    assert.is(await outcome(keys(answer), { accessKeyId: 'AK', secretAccessKey: '' }), '403 InvalidAccessKeyId')
  }
})

test('a look-up that fails passes nobody', async () => {
  const secretFor = () => Promise.reject(new Error('the vault is sealed'))
  assert.is(
    await outcome({ mode: 'keys', secretFor }, { accessKeyId: 'AK', secretAccessKey: 'x' }),
    '500 InternalError',
  )
})

const anybody: Key = { accessKeyId: 'anybody', secretAccessKey: 'anything' }
const itself: Key = { accessKeyId: 'token', secretAccessKey: 'token' }

test('mode pachyderm: where auth is not active anybody passes, where it is only a token of PFS does', async () => {
  const config: AuthConfig = { mode: 'pachyderm' }
  assert.is(await outcome(config, anybody), '200')
  assert.is(await outcome(config, anybody, createMemoryPfs({ rootToken: 'token' })), '403 InvalidAccessKeyId')
  const forged = { accessKeyId: 'token', secretAccessKey: 'guess' }
  assert.is(await outcome(config, forged, createMemoryPfs({ rootToken: 'token' })), '403 SignatureDoesNotMatch')
  assert.is(await outcome(config, itself, createMemoryPfs({ rootToken: 'other' })), '403 InvalidAccessKeyId')
  assert.is(await outcome(config, itself, createMemoryPfs({ rootToken: 'token' })), '200')
})

test('mode pachyderm: where it cannot be found out whether auth is active, nothing passes', async () => {
  for (const status of ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'UNKNOWN', 'PERMISSION_DENIED', 'INTERNAL'] as const) {
    const pfs = createMemoryPfs()
    pfs.whoAmI = () => Promise.reject(new PfsError(status, 'no answer'))
    assert.match(await outcome({ mode: 'pachyderm' }, anybody, pfs), /^(403|50[03]) /, status)
  }
})

test('mode pachyderm: a word that is no token is refused before its body comes, and PFS is asked of it once', async () => {
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

test.run()
