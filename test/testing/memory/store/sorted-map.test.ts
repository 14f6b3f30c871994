import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createSortedMap,
  deleteKey,
  differingEntries,
  entriesBefore,
  entriesFrom,
  getValue,
  keyAfter,
  keyBefore,
  type SortedMap,
  setValue,
} from '../../../../lib/testing/memory/store/sorted-map.js'

const test = suite('sorted map')

const key = fc.integer({ min: 0, max: 3000 }).map((number) => number.toString(36))
/** Whole ranges, so that nodes fill, split, empty and merge. */
const write = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), keys: fc.array(key, { maxLength: 40 }) }),
  fc.record({ kind: fc.constantFrom('set' as const, 'delete' as const), keys: range() }),
)

function range() {
  return fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 400 })).map(([start, length]) => {
    return Array.from({ length }, (_, i) => (start + i).toString(36))
  })
}

function entriesOf(model: ReadonlyMap<string, number>): [string, number][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

interface Version {
  readonly map: SortedMap<number>
  readonly model: ReadonlyMap<string, number>
}

/** The map and a plain one after each batch of writes. */
function versionsOf(writes: readonly { kind: 'set' | 'delete'; keys: readonly string[] }[]): Version[] {
  const versions: Version[] = [{ map: createSortedMap(), model: new Map() }]
  let value = 0
  for (const { kind, keys } of writes) {
    const last = versions.at(-1)
    let map = last?.map ?? createSortedMap<number>()
    const model = new Map(last?.model)
    const owner = {}
    for (const each of keys) {
      map = kind === 'set' ? setValue(map, each, ++value, owner) : deleteKey(map, each, owner)
      if (kind === 'set') model.set(each, value)
      else model.delete(each)
    }
    versions.push({ map, model })
  }
  return versions
}

function versionAt(versions: readonly Version[], index: number): Version {
  const version = versions.at(index % versions.length)
  if (!version) throw new RangeError('there is no version')
  return version
}

test('every version stays what a plain map was at its time', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
      for (const { map, model } of versionsOf(writes)) assert.equal([...entriesFrom(map)], entriesOf(model))
    }),
    { numRuns: 60 },
  )
})

test('a key is found, and entries are read from it on in both directions', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 8 }), fc.array(key, { minLength: 1, maxLength: 10 }), (writes, bounds) => {
      const { map, model } = versionAt(versionsOf(writes), -1)
      const all = entriesOf(model)
      assert.equal([...entriesBefore(map)], [...all].reverse())
      for (const bound of bounds) {
        assert.is(getValue(map, bound), model.get(bound))
        assert.is(keyBefore(map, bound), all.findLast(([each]) => each < bound)?.[0])
        assert.is(keyAfter(map, bound), all.find(([each]) => each > bound)?.[0])
        assert.equal(
          [...entriesFrom(map, bound)],
          all.filter(([each]) => each >= bound),
        )
        assert.equal([...entriesBefore(map, bound)], all.filter(([each]) => each < bound).reverse())
      }
    }),
    { numRuns: 60 },
  )
})

test('two versions differ where their plain maps do', () => {
  fc.assert(
    fc.property(fc.array(write, { minLength: 1, maxLength: 6 }), fc.nat(), fc.nat(), (writes, i, j) => {
      const versions = versionsOf(writes)
      const before = versionAt(versions, i)
      const after = versionAt(versions, j)
      const keys = [...new Set([...before.model.keys(), ...after.model.keys()])].sort((a, b) => (a < b ? -1 : 1))
      const expected = keys
        .filter((each) => before.model.get(each) !== after.model.get(each))
        .map((each) => [each, before.model.get(each), after.model.get(each)])
      assert.equal([...differingEntries(before.map, after.map)], expected)
    }),
    { numRuns: 60 },
  )
})

test('a write copies the path to its key and shares the rest', () => {
  let map = createSortedMap<number>()
  const owner = {}
  for (let i = 0; i < 100_000; i++) map = setValue(map, String(i).padStart(6, '0'), i, owner)
  const nodes = nodesOf(map)
  const after = setValue(map, '050000', -1, {})
  assert.ok([...nodesOf(after)].filter((node) => !nodes.has(node)).length <= 4)
  assert.is(getValue(map, '050000'), 50_000)
})

test('a map that has lost its keys is small again', () => {
  let map = createSortedMap<number>()
  const owner = {}
  const keys = Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 20_000).toString(36))
  for (const [i, each] of keys.entries()) map = setValue(map, each, i, owner)
  const full = map
  for (const each of keys.slice(10)) map = deleteKey(map, each, {})
  assert.equal(
    [...entriesFrom(map)].map(([each]) => each),
    keys.slice(0, 10).sort(),
  )
  assert.ok(nodesOf(map).size <= 11)
  assert.is([...entriesFrom(full)].length, 20_000)
})

function nodesOf(map: SortedMap<number>, nodes = new Set<SortedMap<number>>()): Set<SortedMap<number>> {
  nodes.add(map)
  if (map.kind === 'branch') for (const child of map.children) nodesOf(child, nodes)
  return nodes
}

test.run()
