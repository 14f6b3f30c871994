import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/pfs/memory/memory-pfs.js'
import { notHeld } from './not-held.js'
import { scenarios } from './recording.js'
import { replay } from './replay.js'

const test = suite('recordings of pachd, replayed in memory')
const token = 'iamroot'
const client = createMemoryPfs()
const guarded = createMemoryPfs({ rootToken: token })

for (const scenario of scenarios) {
  test(scenario, async () => {
    const isGuarded = scenario === 'auth-active'
    const failures = await replay({ client: isGuarded ? guarded : client, scenario, token, skip: notHeld })
    assert.equal(failures, [])
  })
}

test.run()
