import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPfsClient } from '../../lib/pfs/grpc/client.js'
import { servePfs } from '../../lib/pfs/grpc/server.js'
import { createMemoryPfs, type MemoryPfsOptions } from '../../lib/pfs/memory/memory-pfs.js'
import { notHeld } from './not-held.js'
import { type Scenario, scenarios } from './recording.js'
import { type NotHeld, replay } from './replay.js'

const test = suite('recordings of pachd, replayed over the wire')
const token = 'iamroot'
/** They show a commit that is still finishing: it must be so for longer than a few calls take. */
const timed: readonly Scenario[] = ['commits', 'versions']
const skip: readonly NotHeld[] = [
  ...notHeld,
  { scenario: 'repos', step: 22, reason: 'the codec has no word for a repo type that is none, and refuses it itself' },
]

async function replayOverWire(options: MemoryPfsOptions, chosen: readonly Scenario[]): Promise<void> {
  const server = await servePfs(createMemoryPfs(options), '127.0.0.1:0')
  const client = createPfsClient(server.address)
  try {
    for (const scenario of chosen) assert.equal(await replay({ client, scenario, token, skip }), [])
  } finally {
    client.close()
    await server.close()
  }
}

test('auth inactive', () => {
  const others = scenarios.filter((scenario) => scenario !== 'auth-active' && !timed.includes(scenario))
  return replayOverWire({}, others)
})

test('commits that take their time to finish', () => replayOverWire({ finishMilliseconds: 1000 }, timed))

test('auth active', () => replayOverWire({ rootToken: token }, ['auth-active']))

test.run()
