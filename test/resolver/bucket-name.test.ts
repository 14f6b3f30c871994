import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { commitOf, parseBucketName } from '../../lib/resolver/bucket-name.js'

const names = suite('names of buckets')
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
  names(`${JSON.stringify(name)} is none`, () => {
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

names.run()
