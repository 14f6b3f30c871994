import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseHttpDate, parseIsoDate } from '../../lib/http/date.js'

const dates = suite('dates')

/** RFC 9110, 5.6.7. */
const example = '1994-11-06T08:49:37.000Z'

for (const [text, expected] of [
  ['Sun, 06 Nov 1994 08:49:37 GMT', example],
  ['Sunday, 06-Nov-94 08:49:37 GMT', example],
  ['Sun Nov  6 08:49:37 1994', example],
  ['Sun, 6 Nov 1994 08:49:37 GMT', example],
  ['Sun, 06 Nov 1994 08:49:37 UTC', example],
  ['Sun, 06 Nov 1994 08:49:37 +0000', example],
  ['Sun, 06 Nov 1994 09:19:37 +0030', example],
  ['Sat, 05 Nov 1994 22:49:37 -1000', example],
  ['Thu, 29 Feb 2024 00:00:00 GMT', '2024-02-29T00:00:00.000Z'],
  ['Monday, 01-Jan-01 00:00:00 GMT', '2001-01-01T00:00:00.000Z'],
] as const) {
  dates(`${text} is a valid HTTP date`, () => {
    assert.is(parseHttpDate(text)?.toISOString(), expected)
  })
}

for (const text of [
  '',
  '5',
  'yesterday',
  '"foo-3000"',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 PST',
  'Sun, 06 Nov 1994 08:49 GMT',
  'Sun, 06 Nov 94 08:49:37 GMT',
  'Sun, 06 nov 1994 08:49:37 GMT',
  'Sun, 06 Nop 1994 08:49:37 GMT',
  'Sun, 31 Feb 2025 08:49:37 GMT',
  'Sat, 29 Feb 2025 08:49:37 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:49:60 GMT',
  ' Sun, 06 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nov 1994 08:49:37 GMT, x',
]) {
  dates(`${JSON.stringify(text)} is not a valid HTTP date`, () => {
    assert.is(parseHttpDate(text), undefined)
  })
}

dates('a year of two digits is at most 50 years ahead', () => {
  const thisYear = new Date().getUTCFullYear()
  for (const [ahead, expected] of [
    [0, thisYear],
    [49, thisYear + 49],
    [52, thisYear - 48],
  ] as const) {
    const digits = String((thisYear + ahead) % 100).padStart(2, '0')
    assert.is(parseHttpDate(`Monday, 01-Jan-${digits} 00:00:00 GMT`)?.getUTCFullYear(), expected)
  }
})

dates('dates in ISO 8601 must exist in the calendar', () => {
  assert.is(parseIsoDate('1994-11-06T08:49:37Z')?.toISOString(), example)
  assert.is(parseIsoDate('1994-11-06T08:49:37.250Z')?.toISOString(), '1994-11-06T08:49:37.250Z')
  for (const text of ['1994-11-06', '1994-11-06T08:49:37', '2025-02-31T00:00:00Z', '1994-13-06T08:49:37Z', 'x']) {
    assert.is(parseIsoDate(text), undefined)
  }
})

dates.run()
