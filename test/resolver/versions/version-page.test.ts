import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { KeyChange } from '../../../lib/resolver/versions/changes.js'
import { createVersionPage, type VersionQuery } from '../../../lib/resolver/versions/version-page.js'

const page = suite('a page of versions')

const key = fc.string({ unit: fc.constantFrom('a', '/', '(', 'é', '😀', '\uffff'), minLength: 1, maxLength: 4 })
/** For each commit, newest first, the keys that it changed. */
const history = fc.array(fc.uniqueArray(key, { maxLength: 8 }), { maxLength: 6 })
const query = fc.record({
  prefix: fc.oneof(fc.constant(''), key),
  delimiter: fc.constantFrom('', '/', 'a', 'é'),
  keyMarker: fc.oneof(fc.constant(''), key),
  limit: fc.integer({ min: 1, max: 6 }),
})

const changeOf = (each: string): KeyChange => ({ key: each, hash: undefined, size: 0 })
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

function filled(commits: readonly (readonly string[])[], asked: VersionQuery, markerAge: number | undefined) {
  const filling = createVersionPage(asked, markerAge)
  for (const [age, keys] of commits.entries()) {
    for (const each of keys) filling.add(age, changeOf(each))
  }
  const rows = filling
    .entries()
    .map((entry) => (entry.kind === 'prefix' ? entry.prefix : `${entry.change.key} ${entry.age} ${entry.isLatest}`))
  return { rows, isTruncated: filling.isTruncated() }
}

/** The same by the plainest way: all of it, sorted, filtered, cut. */
function expected(commits: readonly (readonly string[])[], asked: VersionQuery, markerAge: number | undefined) {
  const { prefix, delimiter, keyMarker, limit } = asked
  const keys = [...new Set(commits.flat())].sort(byBytes)
  const rows = new Set<string>()
  for (const each of keys.filter((other) => other.startsWith(prefix))) {
    const found = delimiter === '' ? -1 : each.indexOf(delimiter, prefix.length)
    const group = found < 0 ? undefined : each.slice(0, found + delimiter.length)
    const markerGroup = delimiter !== '' && keyMarker.startsWith(prefix) && keyMarker.indexOf(delimiter, prefix.length)
    const isPassed = typeof markerGroup === 'number' && markerGroup >= 0 && group === keyMarker
    if (isPassed) continue
    const ages = [...commits.keys()].filter((age) => commits[age]?.includes(each))
    for (const age of ages) {
      const order = byBytes(each, keyMarker)
      if (order < 0 || (order === 0 && (markerAge === undefined || age <= markerAge))) continue
      rows.add(group ?? `${each} ${age} ${age === ages[0]}`)
    }
  }
  return { rows: [...rows].slice(0, limit), isTruncated: rows.size > limit }
}

page('equals the result of the simplest algorithm', () => {
  fc.assert(
    fc.property(
      history,
      query,
      fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      (commits, asked, age) => {
        const markerAge = asked.keyMarker === '' ? undefined : age
        assert.equal(filled(commits, asked, markerAge), expected(commits, asked, markerAge))
      },
    ),
    { numRuns: 3000 },
  )
})

page.run()
