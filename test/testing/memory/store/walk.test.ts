import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createDirectory,
  type Directory,
  type FileRecords,
  findDirectory,
  findFile,
  withEntry,
} from '../../../../lib/testing/memory/store/directory.js'
import { differences, walkBelow, wholeTree } from '../../../../lib/testing/memory/store/walk.js'

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

/** The paths and their parent directories, sorted: ASCII strings compare like their bytes. */
function sortedEntries(paths: readonly string[]): string[] {
  const directories = paths.flatMap((each) =>
    [...each.matchAll(/\//g)].slice(1).map(({ index }) => each.slice(0, index + 1)),
  )
  return [...new Set([...paths, ...directories])].sort()
}

test('the entries within bounds are in byte order, or reversed', () => {
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

test('a directory without files is gone', () => {
  fc.assert(
    fc.property(fc.array(path), (paths) => {
      let tree = treeOf(paths)
      for (const each of paths) tree = withEntry(tree, each, undefined, {})
      assert.equal([...walkBelow(tree, '/', { lower: '', upper: '', reverse: false, depth: 9 })], [])
      assert.is(tree.bytes, 0)
    }),
  )
})

/** Whole ranges of names, so that the nodes of a directory fill, split, empty and merge. */
const write = fc.record({
  isDeletion: fc.boolean(),
  directory: fc.constantFrom('/', '/a/', '/a/b/'),
  start: fc.nat(600),
  length: fc.nat(300),
})

interface Version {
  readonly tree: Directory
  readonly model: ReadonlyMap<string, FileRecords>
}

/** A tree and a plain map after each batch of writes; each batch has another owner. */
function versionsOf(writes: readonly { isDeletion: boolean; directory: string; start: number; length: number }[]) {
  let last: Version = { tree: createDirectory(), model: new Map() }
  const versions = [last]
  for (const { isDeletion, directory, start, length } of writes) {
    const owner = {}
    let { tree } = last
    const model = new Map(last.model)
    for (let name = start; name < start + length; name++) {
      const file = `${directory}${name.toString(36)}.txt`
      const records = isDeletion ? undefined : [{ datum: 'default', content: { pieces: [], size: 1 } }]
      tree = withEntry(tree, file, records, owner)
      if (records === undefined) model.delete(file)
      else model.set(file, records)
    }
    last = { tree, model }
    versions.push(last)
  }
  return versions
}

test('every version of a tree stays equal to the plain map of its time', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 8 }), (writes) => {
      for (const { tree, model } of versionsOf(writes)) {
        const files = [...walkBelow(tree, '/', wholeTree)].flatMap((each) => ('records' in each ? [each.path] : []))
        assert.equal(files, [...model.keys()].sort())
        assert.is(tree.bytes, model.size)
        for (const [file, records] of model) assert.is(findFile(tree, file), records)
      }
    }),
    { numRuns: 40 },
  )
})

test('two versions differ where their plain maps do', () => {
  fc.assert(
    fc.property(fc.array(write, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(), (writes, i, j) => {
      const versions = versionsOf(writes)
      const before = versions[i % versions.length] as Version
      const after = versions[j % versions.length] as Version
      const expected = [...new Set([...before.model.keys(), ...after.model.keys()])]
        .filter((file) => before.model.get(file) !== after.model.get(file))
        .sort()
      const found = [...differences(before.tree, after.tree, '/')].filter(({ path }) => !path.endsWith('/'))
      assert.equal(
        found.map((each) => each.path),
        expected,
      )
    }),
    { numRuns: 40 },
  )
})

test('a write shares unchanged nodes', () => {
  const [, { tree }] = versionsOf([{ isDeletion: false, directory: '/a/b/', start: 0, length: 300 }]) as [
    Version,
    Version,
  ]
  const after = withEntry(tree, '/c', [], {})
  assert.is(findDirectory(after, '/a/'), findDirectory(tree, '/a/'))
  assert.is.not(after, tree)
  assert.is(findFile(tree, '/c'), undefined)
})

test.run()
