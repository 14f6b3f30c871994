import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareBytes } from '../../../lib/resolver/byte-order.js'
import { createKeyCodec } from '../../../lib/resolver/key.js'
import { createBucket, listAll } from './bucket.js'

const listing = suite('listing keys')
const { pathFromKey } = createKeyCodec('percent')

const characters = [
  'a',
  'b',
  '/',
  '/',
  '-',
  '%',
  '%28',
  '%25',
  '%2F',
  '%2E',
  '2',
  '8',
  ' ',
  '"',
  '#',
  '$',
  '&',
  '(',
  '!',
  ')',
  '.',
  'é',
  '😀',
  '\uff5e',
  '\u0001',
  '\u007f',
  '~',
  '%C3%A9',
  '%E9',
]
const text = (size: number) =>
  fc.array(fc.constantFrom(...characters), { maxLength: size }).map((parts) => parts.join(''))
const keySet = fc
  .tuple(text(2), fc.array(text(5), { maxLength: 14 }))
  .map(([start, rests]) => withoutCollisions(rests.map((rest) => start + rest).concat(rests.slice(0, 4))))

/** Keys that PFS can hold together. */
function withoutCollisions(keys: readonly string[]): string[] {
  const kept = new Set<string>()
  const files = new Set<string>()
  const directories = new Set<string>()
  for (const key of keys) {
    if (key === '') continue
    const path = pathFromKey(key)
    const parents = [...path.matchAll(/(?<=.)\//g)].map(({ index }) => path.slice(0, index))
    if (directories.has(path) || parents.some((parent) => files.has(parent))) continue
    kept.add(key)
    files.add(path)
    for (const parent of parents) directories.add(parent)
  }
  return [...kept]
}

/** What S3 lists, straight from its documentation. */
function expected(keys: readonly string[], query: { prefix: string; delimiter: string; after: string }): string[] {
  const { prefix, delimiter, after } = query
  const names = new Set<string>()
  for (const key of [...keys].sort(compareBytes)) {
    if (!key.startsWith(prefix) || compareBytes(key, after) <= 0) continue
    const found = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const name = found < 0 ? key : key.slice(0, found + delimiter.length)
    if (found < 0 || name !== after) names.add(name)
  }
  return [...names]
}

const cases = fc.record({
  keys: keySet,
  prefixOf: fc.nat(),
  prefixCut: fc.nat(6),
  afterOf: fc.nat(),
  afterCut: fc.nat(6),
  other: text(3),
  delimiter: fc.constantFrom('', '/', '/', '-', 'ab', '%', 'é', '.', '(', 'a'),
  limits: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  isOther: fc.boolean(),
})

function partOf(keys: readonly string[], index: number, cut: number): string {
  return [...(keys[index % Math.max(keys.length, 1)] ?? '')].slice(0, cut).join('')
}

listing('pages joined are all keys in byte order, with any prefix, delimiter and start', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ keys, delimiter, limits, ...given }) => {
      const prefix = given.prefixCut > 4 ? '' : partOf(keys, given.prefixOf, given.prefixCut)
      const after = given.isOther ? given.other : partOf(keys, given.afterOf, given.afterCut)
      const { source } = await createBucket(keys.map(pathFromKey))
      for (const query of [
        { prefix, delimiter, after: '' },
        { prefix, delimiter, after },
      ]) {
        assert.equal(await listAll(source, query, limits), expected(keys, query), JSON.stringify({ keys, query }))
      }
    }),
    { includeErrorInReport: true, numRuns: Number(process.env.RUNS ?? 1500), interruptAfterTimeLimit: 500_000 },
  )
})

listing.run()
