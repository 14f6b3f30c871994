import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, createPachydermClient, type MemoryPfsOptions, servePfs } from '../../lib/testing/index.js'
import { isWithAuth, type Scenario, scenarios } from './recording.js'
import { replay } from './replay.js'

const test = suite('recordings of pachd, replayed over the wire')
const token = 'iamroot'
/** They show a commit that is still finishing: it must be so for longer than a few calls take. */
const timed: readonly Scenario[] = ['commits', 'versions', 'open-commits']

async function replayOverWire(options: MemoryPfsOptions, chosen: readonly Scenario[]): Promise<void> {
  const server = await servePfs(createMemoryPfs(options), '127.0.0.1:0')
  const client = createPachydermClient(server.address)
  try {
    for (const scenario of chosen) assert.equal(await replay(scenario, { client, token, overGrpc: true }), [])
  } finally {
    client.close()
    await server.close()
  }
}

test('auth inactive', () =>
  replayOverWire(
    {},
    scenarios.filter((scenario) => !isWithAuth(scenario) && !timed.includes(scenario)),
  ))

test('commits that take some time to finish', () => replayOverWire({ finishMilliseconds: 1000 }, timed))

test('auth active', () => replayOverWire({ rootToken: token }, scenarios.filter(isWithAuth)))

test.run()
