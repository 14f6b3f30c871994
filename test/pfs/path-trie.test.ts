import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PathTrie } from '../../lib/pfs/path.js'

const trie = suite('a trie of paths')

const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', ''), { minLength: 1, maxLength: 4 })
  .map((names) => `/${names.join('/')}`)
  .filter((text) => text !== '/')

/** A path without the slash at its end, which a directory may have. */
const plain = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text)

trie('finds a path, the directories above it and everything below it, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(path), path, (paths, asked) => {
      const all = new PathTrie()
      for (const each of paths) all.add(each)
      const isRelated = paths.some((each) => {
        const [a, b] = [plain(each), plain(asked)]
        return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)
      })
      assert.is(all.isRelated(asked), isRelated)
    }),
  )
})

trie('takes time and memory linear in the length of a path', () => {
  const all = new PathTrie()
  for (let index = 0; index < 100; index += 1) all.add(`${'/a'.repeat(10_000)}/${index}`)
  assert.ok(all.isRelated('/a'.repeat(10_000)))
  assert.not(all.isRelated(`${'/a'.repeat(10_000)}/100`))
})

trie.run()
