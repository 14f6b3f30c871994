import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { startGateway } from '../support/gateway.js'
import { bucket, repos } from './support/branch.js'

const backOff = suite('a PFS that answers UNAVAILABLE')
const { setTimeout: wait } = timers

backOff.after(() => {
  timers.setTimeout = wait
  syncBuiltinESMExports()
})

backOff('is retried after 100, 300 and 900 ms, each reduced by up to half', async () => {
  const pauses: number[] = []
  timers.setTimeout = (async (milliseconds: number, value: unknown) => {
    pauses.push(milliseconds)
    return value
  }) as typeof wait
  syncBuiltinESMExports()
  const pfs = createMemoryPfs({ repos })
  let calls = 0
  const next = async (): Promise<never> => {
    calls += 1
    throw new PfsError('UNAVAILABLE', 'etcd is away')
  }
  const globFile = () => ({ [Symbol.asyncIterator]: () => ({ next }) })
  const gateway = await startGateway({ pfs: { ...pfs, globFile }, overWire: true })
  const answer = await ask(gateway.port, 'HEAD', `/${bucket}/key`)
  await gateway.close()
  assert.equal([answer.status, calls], [503, 4])
  assert.is(pauses.length, 3)
  for (const [index, longest] of [100, 300, 900].entries()) {
    const pause = pauses[index] ?? 0
    assert.ok(pause >= longest / 2 && pause <= longest, `a pause of ${pause} where ${longest} is the longest`)
  }
})

backOff.run()
