import * as assert from 'uvu/assert'
import { signV4, type Unsigned } from '../support/sign.js'
import { exchange, outcomeOf, type RawRequest } from '../support/wire.js'
import { type House, type Mode, openHouse, storedPaths } from './house.js'

/** The content that the attacks try to write. */
export const put: Unsigned = { method: 'PUT', target: '/alice/new', body: 'content' }

/** A house with one object, `kept` in `alice`. */
export async function openKeptHouse(mode: Mode): Promise<House> {
  const house = await openHouse(mode)
  const kept = signV4({ method: 'PUT', target: '/alice/kept', body: 'kept' }, { key: house.alice })
  assert.is(outcomeOf(await exchange(house.port, kept)), '200')
  return house
}

/** The outcome of a request that must not change the stored content. */
export async function attempt(house: House, request: RawRequest): Promise<string> {
  const outcome = outcomeOf(await exchange(house.port, request))
  assert.equal(await storedPaths(house, 'alice'), ['/kept'], outcome)
  return outcome
}
