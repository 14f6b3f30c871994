import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readPachctlConfig } from '../../lib/cli/pfs.js'
import { createScratch } from './scratch.js'

const test = suite("pachctl's config file")
const scratch = createScratch()
test.after(() => scratch.remove())

/** As pachctl 2 writes it. */
const config = {
  user_id: '5a9cbc1f',
  v2: {
    active_context: 'work',
    contexts: {
      work: {
        pachd_address: 'grpcs://pach.example.com:443',
        server_cas: 'UEVN',
        session_token: 's',
        project: 'default',
      },
      home: { pachd_address: 'grpc://localhost:30650' },
      bare: { source: 'NONE' },
    },
    metrics: true,
  },
}

function read(content: unknown, env: NodeJS.ProcessEnv = {}) {
  const path = scratch.file('config.json', JSON.stringify(content))
  return { path, found: readPachctlConfig({ PACH_CONFIG: path, ...env }) }
}

test('the active context, its certificates decoded', () => {
  const { path, found } = read(config)
  assert.is(found?.address, 'grpcs://pach.example.com:443')
  assert.is(found?.caCertificates?.toString(), 'PEM')
  assert.is(found?.source, `context "work" of ${path}`)
})

test('PACH_CONTEXT names another context', () => {
  const { found } = read(config, { PACH_CONTEXT: 'home' })
  assert.is(found?.address, 'grpc://localhost:30650')
  assert.is(found?.caCertificates, undefined)
})

for (const name of ['bare', 'unknown', 'constructor']) {
  test(`refused: context ${name} without a pachd address`, () => {
    assert.throws(
      () => read(config, { PACH_CONTEXT: name }),
      new RegExp(`context "${name}" of .* names no pachd_address`),
    )
  })
}

for (const content of [{}, { v2: {} }, { v2: { active_context: '' } }, [], null]) {
  test(`no pachd: ${JSON.stringify(content)}`, () => {
    assert.is(read(content).found, undefined)
  })
}

test('refused: a missing file in PACH_CONFIG', () => {
  assert.throws(() => readPachctlConfig({ PACH_CONFIG: '/no/such/file' }), /there is no such file/)
})

test('refused: a file that is not JSON', () => {
  const path = scratch.file('config.json', '{')
  assert.throws(() => readPachctlConfig({ PACH_CONFIG: path }), /is not JSON/)
})

test.run()
