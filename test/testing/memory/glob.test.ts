import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../../lib/pfs/errors.js'
import { parseGlob } from '../../../lib/testing/memory/paths.js'

const test = suite('globs')

const matching = [
  ['/?', '/a', '/ab', '/a/'],
  ['/[!a-c]x', '/dx', '/bx', '/x'],
  ['/[a^]', '/^', '/b', '/a^'],
  ['/{a,b*}/c', '/bb/c', '/c/c', '/a,b/c'],
  ['/a.c', '/a.c', '/abc', '/a.cc'],
  ['/\\*', '/*', '/a', '/\\*'],
  ['a//', '/a', '/b', 'a'],
] as const

for (const [pattern, match, ...others] of matching) {
  test(`${pattern} matches only ${match}`, () => {
    const glob = parseGlob(pattern)
    assert.ok(glob.matches(match))
    for (const other of others) assert.not.ok(glob.matches(other), other)
  })
}

test('a malformed glob is refused', () => {
  for (const pattern of ['/[z-a]', '/{a']) {
    assert.throws(
      () => parseGlob(pattern),
      (error: unknown) => error instanceof PfsError && error.status === 'UNKNOWN',
    )
  }
})

test('the prefix and depth of a glob hold for each match', () => {
  const part = fc.constantFrom('a', 'b', '/', '*', '**', '?', '[ab]', '{a,b/c}', '\\a')
  const path = fc.array(fc.constantFrom('a', 'b', 'c', '/'), { maxLength: 6 }).map((names) => `/${names.join('')}`)
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), path, (parts, candidate) => {
      const glob = parseGlob(parts.join(''))
      if (!glob.matches(candidate)) return
      assert.ok(candidate.startsWith(glob.prefix))
      assert.ok(candidate.split('/').length - 1 <= glob.depth)
    }),
    { numRuns: 2000 },
  )
})

test.run()
