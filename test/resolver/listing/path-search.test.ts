import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createKeyCodec } from '../../../lib/resolver/key.js'
import { afterEveryCharacter, compareBytes } from '../../../lib/resolver/key-order.js'
import { firstPath } from '../../../lib/resolver/listing/path-search.js'

const search = suite('the search for the first path with a key of an interval')
const { pathFromKey } = createKeyCodec('percent')

const parts = [
  'a',
  'b',
  '-',
  ' ',
  '(',
  '%',
  '2',
  '5',
  '8',
  'C3',
  'A9',
  '%25',
  '%2E',
  '/',
  '.',
  'é',
  'ü',
  '😀',
  '\u0001',
  '~',
]
const text = fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 }).map((chosen) => chosen.join(''))
const markers = ['', '', '\x1f', '\x7f', '\x01']

search('no path that it skips has a key of the interval', () => {
  const inputs = fc.record({
    keys: fc.array(text, { minLength: 1, maxLength: 30 }),
    from: fc.oneof(text.map(pathFromKey), fc.constant('/')),
    marker: fc.constantFrom(...markers),
    low: text,
    high: fc.oneof(text, fc.constant(afterEveryCharacter)),
  })
  fc.assert(
    fc.property(inputs, ({ keys, from, marker, low, high }) => {
      const start = from + marker
      const found = firstPath(start, '/', '', { low, high })
      for (const key of keys) {
        const path = pathFromKey(key)
        const isIn = path >= start && compareBytes(key, low) >= 0 && compareBytes(key, high) < 0
        if (isIn) assert.ok(found !== undefined && found.from <= path, `${path} lies before ${found?.from}`)
        if (found !== undefined) assert.ok(found.from >= start)
      }
    }),
    { numRuns: 20_000 },
  )
})

for (const [from, low, high, expected] of [
  // Before `ab` come keys that continue after `a` with a slash, which is escaped at the end of a key, and with escapes.
  ['/', 'a-\0', 'ab', '/a%2F'],
  // `?` comes between the digits and what follows them.
  ['/', 'file-000999\0', 'file-001000', '/file-000%3F'],
  // No character that is escaped lies between two digits.
  ['/file-000999\x1f', 'file-000100', 'file-000999', undefined],
  ['/%C3%A9-1\x1f', 'é-1', 'é-2', '/%C3%A9-1 '],
  // A literal `%` comes before `(`, its escape does not.
  ['/%28%28%28a', '', '%', undefined],
  ['/%28%28%28a', '%', '(', '/%2:'],
] as const) {
  search(`from ${JSON.stringify(from)} for keys of ${JSON.stringify([low, high])}`, () => {
    const found = firstPath(from, '/', '', { low, high })
    assert.is(found?.from, expected)
  })
}

search.run()
