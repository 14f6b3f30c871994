import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createByteBudget } from '../../lib/operations/byte-budget.js'

const test = suite('a budget of bytes')

test('may be taken whole, and is then empty until it is given back', () => {
  const budget = createByteBudget(10)
  const giveBack = budget.take(10)
  assert.type(giveBack, 'function')
  assert.is(budget.take(1), undefined)
  assert.type(budget.take(0), 'function')
  giveBack?.()
  assert.type(budget.take(10), 'function')
})

test('what is refused takes nothing', () => {
  const budget = createByteBudget(10)
  assert.is(budget.take(11), undefined)
  assert.type(budget.take(10), 'function')
})

test('is never overdrawn, and refuses nothing that is left, in whatever order it is given back', () => {
  const step = fc.record({ take: fc.integer({ min: 0, max: 12 }), back: fc.option(fc.nat(), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = createByteBudget(20)
      const held: { readonly bytes: number; readonly giveBack: () => void }[] = []
      for (const { take, back } of steps) {
        const left = 20 - held.reduce((sum, { bytes }) => sum + bytes, 0)
        const giveBack = budget.take(take)
        assert.is(giveBack !== undefined, take <= left)
        if (giveBack !== undefined) held.push({ bytes: take, giveBack })
        if (back !== undefined && held.length > 0) held.splice(back % held.length, 1)[0]?.giveBack()
      }
    }),
    { numRuns: 1000 },
  )
})

test.run()
