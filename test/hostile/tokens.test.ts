import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf } from '../support/wire.js'

/** The gateway's cache of tokens, with a clock that the test moves. */
const test = suite('tokens')

const key = { accessKeyId: 'token', secretAccessKey: 'token' }
const now = performance.now.bind(performance)

test.after(() => {
  performance.now = now
})

test('a revoked token stops working within a minute, before the body', async () => {
  let passed = 0
  performance.now = () => now() + passed
  const pfs = createMemoryPfs({ rootToken: 'token' })
  let isRevoked = false
  let asked = 0
  const gateway = await startGateway({
    pfs: {
      ...pfs,
      whoAmI: async (options) => {
        asked += 1
        if (isRevoked) throw new PfsError('UNAUTHENTICATED', 'provided auth token is corrupted or has expired')
        return pfs.whoAmI(options)
      },
    },
    authConfig: { mode: 'pachyderm' },
  })
  const list = () => exchange(gateway.port, signV4({ target: '/' }, { key })).then(outcomeOf)
  assert.is(await list(), '200')
  isRevoked = true
  assert.is(await list(), '200')
  assert.is(asked, 1)
  passed = 60_001
  const put = { method: 'PUT', target: '/images/key', headers: { 'content-length': '1000000', expect: '100-continue' } }
  const wire = await openWire(gateway.port)
  wire.send(bytesOf(signV4(put, { key, payloadHash: 'UNSIGNED-PAYLOAD' })))
  const answer = await wire.response()
  wire.close()
  assert.is(answer && outcomeOf(answer), '403 InvalidAccessKeyId')
  await gateway.close()
})

test('requests without valid credentials ask PFS once, not each time', async () => {
  const pfs = createMemoryPfs({ rootToken: 'token' })
  let calls = 0
  const counted = new Proxy(pfs, {
    get: (target, name: keyof typeof pfs) => {
      if (typeof target[name] === 'function') calls += 1
      return target[name]
    },
  })
  const gateway = await startGateway({ pfs: counted, authConfig: { mode: 'pachyderm' } })
  calls = 0
  for (let round = 0; round < 20; round += 1) {
    const forged = signV4({ target: '/images/key' }, { key: { ...key, secretAccessKey: 'guess' } })
    assert.is(outcomeOf(await exchange(gateway.port, forged)), '403 SignatureDoesNotMatch')
  }
  await gateway.close()
  assert.is(calls, 2)
})

test.run()
