import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eachAtMost } from '../lib/concurrency.js'

const each = suite('eachAtMost')

each('keeps the order of the items, and no more under way than allowed', async () => {
  let under = 0
  let most = 0
  const results = await eachAtMost(3, [5, 1, 4, 2, 3], async (item) => {
    under += 1
    most = Math.max(most, under)
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve()
    under -= 1
    return item * 10
  })
  assert.equal([results, most], [[50, 10, 40, 20, 30], 3])
})

each('begins nothing more after a failure', async () => {
  const begun: number[] = []
  const items = Array.from({ length: 100 }, (_, index) => index)
  let rest: Promise<unknown> = Promise.resolve()
  try {
    await eachAtMost(4, items, async (item) => {
      begun.push(item)
      if (item === 1) throw new Error('the second item')
      rest = rest.then(() => undefined)
      await rest
    })
    assert.unreachable('it settled')
  } catch (reason) {
    assert.is((reason as Error).message, 'the second item')
  }
  // All that is under way has its say before the next turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(begun, [0, 1, 2, 3])
})

each.run()
