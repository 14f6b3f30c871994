import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRecentMap } from '../lib/recent-map.js'

const test = suite('recent values')

/** A map of numbers that weigh what they say. */
function numbers(capacity: number) {
  return createRecentMap<number>(capacity, (value) => value)
}

test('what was asked for longest ago goes first', () => {
  const map = numbers(3)
  for (const name of ['a', 'b', 'c']) map.set(name, 1)
  assert.is(map.get('a'), 1)
  map.set('d', 1)
  assert.equal(
    ['a', 'b', 'c', 'd'].map((name) => map.get(name)),
    [1, undefined, 1, 1],
  )
})

test('a value in the place of another weighs in its place', () => {
  const map = numbers(3)
  map.set('a', 3)
  map.set('a', 1)
  map.set('b', 2)
  assert.equal([map.get('a'), map.get('b')], [1, 2])
})

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const step = fc.oneof(fc.record({ get: name }), fc.record({ set: name, value: fc.integer({ min: 1, max: 6 }) }))

test('any sequence of reads and writes leaves what a list in order of use would', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 12 }), fc.array(step, { maxLength: 40 }), (capacity, steps) => {
      const map = numbers(capacity)
      let model: (readonly [name: string, value: number])[] = []
      const weight = () => model.reduce((sum, [, value]) => sum + value, 0)
      for (const one of steps) {
        const asked = 'get' in one ? one.get : one.set
        const known = model.find(([each]) => each === asked)
        const value = 'get' in one ? known?.[1] : one.value
        model = model.filter((each) => each !== known)
        if (value !== undefined) model.push([asked, value])
        while (weight() > capacity) model.shift()
        if ('get' in one) assert.is(map.get(one.get), value)
        else map.set(one.set, one.value)
      }
      const held = new Map(model)
      for (const each of ['a', 'b', 'c', 'd', 'e']) assert.is(map.get(each), held.get(each), each)
    }),
    { numRuns: 1000 },
  )
})

test.run()
