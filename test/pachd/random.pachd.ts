import { randomInt } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, createPachydermClient, servePfs } from '../../lib/testing/index.js'
import { recordRandomCalls } from './random/scenario.js'
import type { Step } from './recording.js'
import { replaySteps } from './replay.js'

const test = suite('random calls, recorded from a pachd and replayed on PFS in memory')
const { PACHD = '', PACHD_SEED } = process.env
const seeds = PACHD_SEED ? [Number(PACHD_SEED)] : Array.from({ length: 10 }, () => randomInt(2 ** 31))
const callsOfEachSeed = 60
const wantedPercent = 98

const pachd = createPachydermClient(PACHD)
const count = { steps: 0, differing: 0 }

test.after(() => pachd.close())

for (const seed of seeds) {
  test(`PACHD_SEED=${seed}`, async () => {
    const repo = `random-${seed}-${randomInt(2 ** 31)}`
    const steps = await recordRandomCalls(pachd, { seed, calls: callsOfEachSeed, repo })
    const differences = await replayOnStandIn(steps)
    count.steps += steps.length
    count.differing += differences.length
    for (const difference of differences) process.stdout.write(`PACHD_SEED=${seed} ${difference}\n`)
  })
}

test(`at least ${wantedPercent} % of the calls have the same result`, () => {
  const percent = (100 * (count.steps - count.differing)) / count.steps
  process.stdout.write(`${count.steps - count.differing} of ${count.steps} calls alike, seeds ${seeds.join(' ')}\n`)
  assert.ok(percent >= wantedPercent, `${percent} %`)
})

async function replayOnStandIn(steps: readonly Step[]): Promise<string[]> {
  const server = await servePfs(createMemoryPfs(), '127.0.0.1:0')
  const client = createPachydermClient(server.address)
  const differences: string[] = []
  try {
    for await (const [step, difference] of replaySteps(steps, { client, overGrpc: true })) {
      if (difference) differences.push(`${step.step} ${step.method} ${JSON.stringify(step.requests)}: ${difference}`)
    }
  } finally {
    client.close()
    await server.close()
  }
  return differences
}

test.run()
