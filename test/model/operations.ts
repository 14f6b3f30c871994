import { list, listVersions, read, readTags, readVersion } from './reads.js'
import type { Operation, World } from './world.js'
import { copy, put, remove, removeMany, setTags } from './writes.js'

type Make = (world: World) => Operation

/** Operations and how often each comes. */
const kinds: readonly (readonly [weight: number, make: Make])[] = [
  [24, put],
  [10, remove],
  [4, removeMany],
  [8, copy],
  [12, (world) => read(world, 'GET')],
  [4, (world) => read(world, 'HEAD')],
  [12, readVersion],
  [6, setTags],
  [6, readTags],
  [6, list],
  [10, listVersions],
]
const weights = kinds.reduce((sum, [weight]) => sum + weight, 0)

/** An operation by chance. */
export function randomOperation(world: World): Operation {
  let left = world.random(weights)
  for (const [weight, make] of kinds) {
    if (left < weight) return make(world)
    left -= weight
  }
  return put(world)
}
