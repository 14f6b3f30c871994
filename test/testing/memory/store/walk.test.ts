import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDirectory, type Directory, withEntry } from '../../../../lib/testing/memory/store/directory.js'
import { walkBelow } from '../../../../lib/testing/memory/store/walk.js'

const test = suite('walking a tree')

const path = fc
  .array(fc.constantFrom('a', 'b', 'a-', 'a.', 'a0', 'ab', '~'), { minLength: 1, maxLength: 4 })
  .map((names) => `/${names.join('/')}`)

const bound = fc.oneof(
  path,
  path.map((each) => `${each}/`),
  fc.constant(''),
)

function treeOf(paths: Iterable<string>): Directory {
  const records = [{ datum: 'default', content: { pieces: [], size: 0 } }]
  let tree = createDirectory()
  for (const each of paths) tree = withEntry(tree, each, records, {})
  return tree
}

/** The paths and the directories above them, sorted: a string compares as its bytes where it is ASCII. */
function sortedEntries(paths: readonly string[]): string[] {
  const directories = paths.flatMap((each) =>
    [...each.matchAll(/\//g)].slice(1).map(({ index }) => each.slice(0, index + 1)),
  )
  return [...new Set([...paths, ...directories])].sort()
}

test('the entries within bounds come in byte order, or backwards', () => {
  fc.assert(
    fc.property(fc.array(path), bound, bound, fc.integer({ min: 1, max: 5 }), (paths, lower, upper, depth) => {
      const tree = treeOf(paths)
      const expected = sortedEntries(paths).filter((each) => {
        const levels = each.replace(/\/$/, '').split('/').length - 1
        return each >= lower && (upper === '' || each < upper) && levels <= depth
      })
      const walk = (reverse: boolean) =>
        [...walkBelow(tree, '/', { lower, upper, reverse, depth })].map((each) => each.path)
      assert.equal(walk(false), expected)
      assert.equal(walk(true), expected.reverse())
    }),
    { numRuns: 500 },
  )
})

test('a directory that has lost its files is gone', () => {
  fc.assert(
    fc.property(fc.array(path), (paths) => {
      let tree = treeOf(paths)
      for (const each of paths) tree = withEntry(tree, each, undefined, {})
      assert.equal([...walkBelow(tree, '/', { lower: '', upper: '', reverse: false, depth: 9 })], [])
      assert.is(tree.bytes, 0)
    }),
  )
})

test.run()
