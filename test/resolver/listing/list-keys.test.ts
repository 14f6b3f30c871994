import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../../lib/pfs/errors.js'
import { createKeyCodec } from '../../../lib/resolver/key.js'
import { listKeys } from '../../../lib/resolver/listing/list-keys.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createBucket, listAll, namesOf, writePaths } from './bucket.js'
import { keysWithoutCollision, listedNames, listingCases } from './model.js'

const listing = suite('listing keys')
const { pathFromKey } = createKeyCodec('percent')
const all = { prefix: '', delimiter: '', after: '', limit: 1000 }

const plain = ['a', 'b', '/', '-', '%28', '%2F', '2', ' ', '"', '#', '$', '&', '.a', '~']
const escaped = ['(', '!', ')', '/', '.', '%', '%25', '%2E', '8', 'é', '😀', '\uff5e', '\u0001', '\u007f']
// Text that only looks like an escape, and escapes that depend on the text after them.
const ambiguous = ['%C3%A9', '%E9', '%2', '%zz']

listing('a missing branch is thrown, even if no key could match', async () => {
  const { source } = await createBucket([])
  const missing = { ...source, commit: { ...source.commit, branch: 'nope' } }
  for (const query of [
    all,
    { ...all, prefix: 'a/' },
    { ...all, prefix: 'a', after: 'b' },
    { ...all, delimiter: '/' },
  ]) {
    try {
      await listKeys(missing, query)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, PfsError)
      assert.is(error instanceof PfsError && error.missing, 'branch')
    }
  }
})

listing('a missing directory is an empty page', async () => {
  const { source } = await createBucket(['/a/1'])
  for (const query of [
    { ...all, prefix: 'b/' },
    { ...all, prefix: 'b/', delimiter: '/' },
    { ...all, prefix: 'a/2' },
    { ...all, prefix: 'a', after: 'b' },
    { ...all, prefix: 'a/', after: 'a/1' },
  ]) {
    assert.equal(await listKeys(source, query), { entries: [], isTruncated: false })
  }
})

listing('keys of dots only, whose paths are escaped completely', async () => {
  const { source } = await createBucket(['.', '..', '...'].map(pathFromKey))
  assert.equal(await listAll(source, { ...all, prefix: '..' }, [1]), ['..', '...'])
  assert.equal(await listAll(source, { ...all, after: '.' }, [1]), ['..', '...'])
  assert.equal(await listAll(source, all, [1]), ['.', '..', '...'])
})

listing('a file that PFS cannot read is not listed', async () => {
  const { source } = await createBucket(['/a\\b', '/a\\d/1', '/c'])
  assert.equal(namesOf(await listKeys(source, all)), ['c'])
  assert.equal(namesOf(await listKeys(source, { ...all, delimiter: '/', limit: 1 })), ['c'])
})

for (const [keys, query, names] of [
  [['b', 'a/c', 'a/b'], { delimiter: '/', after: 'a/b' }, ['b']],
  [['b', 'a/c', 'a/b'], { delimiter: '/', after: 'a/' }, ['b']],
  [['b', 'a/b'], { delimiter: '/', after: 'a/b' }, ['b']],
  [['dir/', 'dir/x', 'dir-', 'dir0'], { delimiter: '/' }, ['dir-', 'dir/', 'dir0']],
  [['dir/', 'dir/x', 'dir//', 'dir//y'], { prefix: 'dir/', delimiter: '/' }, ['dir/', 'dir//', 'dir/x']],
  [['./x', '../x', '.a', '.-', '..-'], {}, ['.-', '..-', '../x', './x', '.a']],
  [['.', '..', '.a'], { prefix: '.' }, ['.', '..', '.a']],
  [['\uff5e', '😀', 'é', 'z'], {}, ['z', 'é', '\uff5e', '😀']],
  [['a b', 'a!', 'a\u0001', 'a"', 'a'], {}, ['a', 'a\u0001', 'a b', 'a!', 'a"']],
  [['%28', '%27', '%30', '%2528'], {}, ['%2528', '%27', '%28', '%30']],
] as const) {
  listing(`${JSON.stringify(query)} of ${JSON.stringify(keys)}`, async () => {
    const { source } = await createBucket(keys.map(pathFromKey))
    assert.equal(namesOf(await listKeys(source, { ...all, ...query })), [...names])
    assert.equal(await listAll(source, { ...all, ...query }, [1]), [...names])
  })
}

listing('results for one commit are not used for the next', async () => {
  const { source } = await createBucket(['/a1', '/a2', '/a3'])
  const first = await listKeys(source, { ...all, limit: 1 })
  assert.equal(namesOf(first), ['a1'])
  await writePaths(source, [pathFromKey('aé'), pathFromKey('a{')])
  assert.equal(namesOf(await listKeys(source, { ...all, after: 'a1' })), ['a2', 'a3', 'a{', 'aé'])
})

listing('results for an open commit are not used later', async () => {
  const { source } = await createBucket(['/a1', '/a2', '/a3'])
  await source.pfs.startCommit({ branch: { repo: source.commit.repo, name: 'master' } })
  assert.equal(namesOf(await listKeys(source, { ...all, limit: 1 })), ['a1'])
  await writePaths(source, [pathFromKey('aé')])
  assert.equal(namesOf(await listKeys(source, { ...all, after: 'a1' })), ['a2', 'a3', 'aé'])
})

listing('a page reads one commit, even if the head moves meanwhile', async () => {
  const { source } = await createBucket(['/a/1', '/b/2'])
  let isMoved = false
  const pfs: PachydermApi = {
    ...source.pfs,
    walkFile: async function* (request, options) {
      yield* source.pfs.walkFile(request, options)
      if (!isMoved) await writePaths(source, ['/c'])
      isMoved = true
    },
  }
  // Three entries are read first, two of them directories, so PFS is asked again.
  const page = await listKeys({ ...source, pfs }, { ...all, limit: 2 })
  assert.equal(namesOf(page), ['a/1', 'b/2'])
  assert.is(isMoved, true)
  assert.is(page.isTruncated, false)
})

listing('a page reads one commit, also for the key that ends like the directory', async () => {
  const { source } = await createBucket(['/a'])
  let isMoved = false
  const move = async (): Promise<void> => {
    if (!isMoved) await writePaths(source, [pathFromKey('d/'), '/d/1'])
    isMoved = true
  }
  const moving = (pfs: PachydermApi): PachydermApi => ({
    ...pfs,
    globFile: async function* (request, options) {
      // The look-up of the key alone, not the reading of the page.
      if (request.pathRange?.lower === pathFromKey('d/')) await move()
      yield* pfs.globFile(request, options)
    },
  })
  const page = await listKeys({ ...source, pfs: moving(source.pfs) }, { ...all, prefix: 'd/' })
  assert.equal([isMoved, namesOf(page)], [true, []])
  assert.equal(namesOf(await listKeys(source, { ...all, prefix: 'd/' })), ['d/', 'd/1'])
})

for (const [about, parts, encoding] of [
  ['of every kind', [...plain, ...escaped, ...ambiguous], 'percent'],
  ['with many percents', ['%', '%', '2', '5', '8', 'C3', 'A9', '/', '.', 'é', '(', 'a'], 'percent'],
  ['that are paths', plain, 'refuse'],
] as const) {
  const codec = createKeyCodec(encoding)
  listing(`all pages together contain all keys in byte order: keys ${about}`, async () => {
    await fc.assert(
      fc.asyncProperty(listingCases(parts), async ({ keys, query, limits }) => {
        const held = keysWithoutCollision(
          keys.filter((key) => isHeld(codec.pathFromKey, key)),
          codec.pathFromKey,
        )
        const { source } = await createBucket(held.map(codec.pathFromKey), encoding)
        for (const asked of [query, { ...query, after: '' }]) {
          const about = JSON.stringify({ held, asked })
          assert.equal(await listAll(source, asked, limits), listedNames(held, asked), about)
        }
      }),
      { numRuns: 700, includeErrorInReport: true },
    )
  })
}

function isHeld(pathFromKey: (key: string) => string, key: string): boolean {
  try {
    return pathFromKey(key) !== ''
  } catch {
    return false
  }
}

listing.run()
