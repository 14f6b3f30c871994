import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { type ByteAccount, createByteBudget } from '../../lib/http/byte-budget.js'

const test = suite('a budget of bytes')

const kibibyte = 1024

/** Whether an account can hold this many more bytes; any error but SlowDown fails the test. */
function holds(account: ByteAccount, bytes: number): boolean {
  try {
    account.hold(bytes)
    return true
  } catch (error) {
    assert.ok(error instanceof S3Error && error.code === 'SlowDown', String(error))
    return false
  }
}

test('many small requests may use all of it, until one releases bytes', () => {
  const budget = createByteBudget(10)
  const first = budget.open()
  assert.ok(holds(first, 6))
  const second = budget.open()
  assert.not(holds(second, 5), 'more than is left')
  assert.ok(holds(second, 4))
  assert.not(holds(second, 1))
  first.release(2)
  assert.ok(holds(second, 2))
})

test('a large request leaves a quarter to small ones', () => {
  const budget = createByteBudget(1024 * kibibyte)
  const large = budget.open()
  assert.ok(holds(large, 768 * kibibyte))
  assert.not(holds(large, 1))
  const small = budget.open()
  assert.ok(holds(small, 128 * kibibyte))
  assert.not(holds(small, 1))
  assert.ok(holds(budget.open(), 128 * kibibyte))
  assert.not(holds(budget.open(), 1), 'all is used')
})

test('a closed account has released everything, and no longer counts', () => {
  const budget = createByteBudget(10)
  const closed = budget.open()
  closed.hold(7)
  closed.close()
  closed.release(7)
  closed.close()
  closed.hold(100)
  const next = budget.open()
  assert.ok(holds(next, 10))
  assert.not(holds(next, 1))
})

test('it is never overdrawn, and refuses nothing that fits, whatever the order of releases', () => {
  const step = fc.record({ take: fc.integer({ min: 0, max: 12 }), back: fc.option(fc.nat(), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = createByteBudget(20)
      const held: { readonly bytes: number; readonly account: ByteAccount }[] = []
      for (const { take, back } of steps) {
        const left = 20 - held.reduce((sum, { bytes }) => sum + bytes, 0)
        const account = budget.open()
        const isHeld = holds(account, take)
        assert.is(isHeld, take <= left)
        if (isHeld) held.push({ bytes: take, account })
        if (back !== undefined && held.length > 0) held.splice(back % held.length, 1)[0]?.account.close()
      }
    }),
    { numRuns: 1000 },
  )
})

test.run()
