import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareBytes } from '../../../lib/resolver/byte-order.js'
import { type Lane, plainLane } from '../../../lib/resolver/listing/lane.js'
import { createLaneHeap } from '../../../lib/resolver/listing/lane-heap.js'

const heap = suite('the heap of lanes')

const laneOf = (bound: string): Lane => ({ ...plainLane({ path: '/', key: '' }, '/'), bound })

heap('gives lanes in the order of their bounds, and of those with the same bound the first first', () => {
  // A number takes so many lanes out.
  const steps = fc.array(fc.oneof(fc.string({ maxLength: 2 }), fc.nat({ max: 3 })))
  fc.assert(
    fc.property(steps, (all) => {
      const lanes = createLaneHeap()
      let model: Lane[] = []
      const take = (): void => {
        const [least] = [...model].sort((a, b) => compareBytes(a.bound, b.bound))
        assert.is(lanes.take(), least)
        model = model.filter((lane) => lane !== least)
      }
      for (const step of all) {
        if (typeof step === 'number') for (let count = 0; count < step; count += 1) take()
        else {
          const lane = laneOf(step)
          model.push(lane)
          lanes.add(lane)
        }
      }
      while (model.length > 0) take()
      assert.is(lanes.take(), undefined)
    }),
  )
})

heap.run()
