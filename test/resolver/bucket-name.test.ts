import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { commitOf, createBucketNames } from '../../lib/resolver/bucket-name.js'

const names = suite('names of buckets')
const { parse: parseBucketName } = createBucketNames({ bucketAliases: {}, bucketSeparator: '.' })
const id = '0123456789abcdef0123456789abcdef'

for (const name of [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a.b.c.d',
  'ä.b',
  'a b.c',
  'a/b',
  'repo^',
  'master.repo^',
  'master.repo.pro^ject',
  'mas^ter.repo',
  'master^^2.repo',
  'master^2^.repo',
  'master^x.repo',
  '^.repo',
  '^2.repo',
  'master^1000000.repo',
  `${id}.master^.repo`,
]) {
  names(`${JSON.stringify(name)} is invalid`, () => {
    try {
      parseBucketName(name)
      assert.unreachable()
    } catch (error) {
      assert.is(error instanceof S3Error && error.code, 'InvalidBucketName')
    }
  })
}

for (const [name, project, repo, branch, commit] of [
  ['images', 'default', 'images', 'master', undefined],
  ['dev.images', 'default', 'images', 'dev', undefined],
  ['dev.images.vision', 'vision', 'images', 'dev', undefined],
  [`${id}.dev.images`, 'default', 'images', 'dev', id],
  [`${id}.dev.images.vision`, 'vision', 'images', 'dev', id],
  [`${id}.images`, 'default', 'images', id, undefined],
  ['dev^.images', 'default', 'images', 'dev^', undefined],
  ['dev^3.images.vision', 'vision', 'images', 'dev^3', undefined],
  ['dev^^.images', 'default', 'images', 'dev^^', undefined],
] as const) {
  names(`${name} is ${commit ?? branch} of ${project}/${repo}`, () => {
    const expected = { repo: { project, name: repo, type: 'user' }, branch, ...(commit && { id: commit }) }
    assert.equal(commitOf(parseBucketName(name)), expected)
    assert.not.match(parseBucketName(name).branch.name, '^')
  })
}

const pfsName = fc.string({ unit: fc.constantFrom(...'ab-_Z9'), minLength: 1, maxLength: 6 })
const branches = fc.record({
  name: fc.oneof(pfsName, fc.constant(id)),
  project: fc.oneof(pfsName, fc.constant('default')),
  repo: pfsName,
})

for (const bucketSeparator of ['.', '--', '-in-']) {
  names(`property: a branch is listed by names that mean it, with the separator ${bucketSeparator}`, () => {
    fc.assert(
      fc.property(branches, fc.constantFrom('a--b', 'a', 'ab-in-a'), ({ name, project, repo }, alias) => {
        const branch = { repo: { project, name: repo, type: 'user' as const }, name }
        const bucketAliases = { [alias]: 'b.Z' }
        const buckets = createBucketNames({ bucketAliases, bucketSeparator })
        for (const listed of buckets.namesOf(branch)) {
          assert.equal(buckets.parse(listed), { name: listed, branch })
        }
        // A commit id before a repo and a project is a commit, whatever separates them.
        const isListed = buckets.namesOf(branch).length === 1
        assert.is(isListed, !(name === id && project !== 'default'))
      }),
      { numRuns: 500 },
    )
  })
}

names.run()
