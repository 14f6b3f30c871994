import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rangeOfDirectories, readRecordPath, recordDirectory, recordPath } from '../../lib/records/record-path.js'

const test = suite('paths of records')

const segment = fc.stringMatching(/^[ -.0-9a-z%~]{1,6}$/).filter((name) => !/^\.{1,2}$/.test(name))
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const hash = fc.stringMatching(/^[0-9a-f]{64}$/)

test('a path contains the key and content of its record', () => {
  fc.assert(
    fc.property(path, hash, (file, content) => {
      assert.equal(readRecordPath(recordPath(file, content)), { path: file, content })
    }),
  )
})

test('other files are not records', () => {
  for (const file of ['/objects/fa', '/objects/fa/1', '/uploads/fa/x', `/objects/xa/${'0'.repeat(64)}`, '/']) {
    assert.is(readRecordPath(file), undefined)
  }
})

test('no record collides with a directory of another record, even if one key is below the other', () => {
  fc.assert(
    fc.property(path, path, hash, hash, (one, other, first, second) => {
      fc.pre(one !== other || first !== second)
      const [a, b] = [recordPath(one, first), recordPath(other, second)]
      assert.not(a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`))
    }),
  )
})

test('a range contains the records of its keys', () => {
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 5 }), hash, (paths, content) => {
      const { lower, upper } = rangeOfDirectories(paths.map(recordDirectory).sort())
      for (const each of paths) assert.ok(recordPath(each, content) >= lower && recordPath(each, content) < upper)
    }),
  )
})

test('the range of one key contains no records of other keys', () => {
  fc.assert(
    fc.property(path, path, hash, (one, other, content) => {
      fc.pre(one !== other)
      const { lower, upper } = rangeOfDirectories([recordDirectory(one)])
      assert.not(recordPath(other, content) >= lower && recordPath(other, content) < upper)
    }),
  )
})

test.run()
