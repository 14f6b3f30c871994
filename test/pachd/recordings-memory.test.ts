import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { isWithAuth, scenarios } from './recording.js'
import { replay } from './replay.js'

const test = suite('recordings of pachd, replayed in memory')
const token = 'iamroot'
const client = createMemoryPfs()
const guarded = createMemoryPfs({ rootToken: token })

for (const scenario of scenarios) {
  test(scenario, async () => {
    assert.equal(await replay(scenario, { client: isWithAuth(scenario) ? guarded : client, token }), [])
  })
}

test.run()
