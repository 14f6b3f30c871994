import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { createKeyCodec } from '../../lib/resolver/key.js'

const keys = suite('keys and paths')
const { pathFromKey, keyFromPath, prefixFromDirectory } = createKeyCodec('percent')

for (const [key, path] of [
  ['a/b.txt', '/a/b.txt'],
  ['photo (1).jpg', '/photo %281%29.jpg'],
  ['ünï', '/%C3%BCn%C3%AF'],
  ['100%', '/100%'],
  ['pct%20', '/pct%20'],
  ['%28', '/%2528'],
  ['%2528', '/%252528'],
  ['a//b', '/a/%2Fb'],
  ['/a', '/%2Fa'],
  ['dir/', '/dir%2F'],
  ['dir//', '/dir/%2F'],
  ['dir%2F', '/dir%252F'],
  ['a%2Fb', '/a%2Fb'],
  ['.', '/%2E'],
  ['a/../b', '/a/%2E%2E/b'],
  ['%2E%2E', '/%252E%2E'],
  ['%2E/', '/%2E%2F'],
  ['..a', '/..a'],
  ['\u0000', '/%00'],
  ['back\\slash', '/back%5Cslash'],
  ['%C3%BC', '/%25C3%BC'],
  ['%C3', '/%C3'],
] as const) {
  keys(`${JSON.stringify(key)} is stored at ${path}`, () => {
    assert.is(pathFromKey(key), path)
    assert.is(keyFromPath(path), key)
  })
}

const key = fc
  .oneof(
    fc.stringMatching(/^[%/.25EF28C3B]+$/),
    fc.string({ unit: fc.constantFrom('%', '/', '.', '2', '5', 'E', 'F', '8', '(', 'ü', '😀', ' ', '\n', 'a') }),
    fc.string({ unit: 'binary' }),
  )
  .filter((text) => text.length > 0)
const pfsPath = /^(\/(?!\.{1,2}(\/|$))[\x20-\x7e]*[^/])+$/
const pfsRefused = /[^\x20-\x7e]|[*?[\]{}!()@+^\\]|\/\/|\/\.{1,2}(\/|$)|\/$/

keys('every key has a path that PFS accepts, and is decoded from it', () => {
  fc.assert(
    fc.property(key, (text) => {
      const path = pathFromKey(text)
      assert.not.match(path, pfsRefused)
      assert.is(keyFromPath(path), text)
    }),
    { numRuns: 20_000 },
  )
})

keys('every path that PFS can read is the path of its key', () => {
  const path = fc
    .string({ unit: fc.constantFrom('%', '/', '.', '2', '5', 'E', 'F', '8', 'C', '3', 'B', 'a', ' '), minLength: 1 })
    .map((text) => `/${text}`)
    .filter((text) => pfsPath.test(text) && !pfsRefused.test(text))
  fc.assert(
    fc.property(path, (text) => {
      assert.is(pathFromKey(keyFromPath(text)), text)
    }),
    { numRuns: 20_000 },
  )
})

keys('keys below a directory start with its prefix', () => {
  assert.is(prefixFromDirectory('/dir%2F/'), 'dir%2F/')
  assert.is(prefixFromDirectory('/a %281%29/'), 'a (1)/')
})

keys('keys that are not valid paths are refused without encoding', () => {
  const refusing = createKeyCodec('refuse')
  for (const text of ['photo (1).jpg', 'ü', 'a//b', 'dir/', '..', 'a\\b']) {
    assert.throws(
      () => refusing.pathFromKey(text),
      (error: unknown) => error instanceof S3Error && error.code === 'InvalidArgument',
    )
  }
  for (const text of ['a/b', '%28', '100%25', '%2E']) {
    assert.is(refusing.pathFromKey(text), `/${text}`)
    assert.is(refusing.keyFromPath(`/${text}`), text)
  }
})

keys.run()
