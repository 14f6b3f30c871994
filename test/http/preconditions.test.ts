import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { readCondition, requireSourceCondition } from '../../lib/http/preconditions.js'

const conditions = suite('conditions of a read')

const object = { etags: ['"abc-1"'], lastModified: new Date('2025-11-24T10:00:00.500Z') }
const before = 'Mon, 24 Nov 2025 09:59:59 GMT'
const same = 'Mon, 24 Nov 2025 10:00:00 GMT'
const after = 'Mon, 24 Nov 2025 10:00:01 GMT'

function decide(fields: Record<string, string>): string {
  return refusedOr(() => readCondition({ headers: headersOf(fields, '') }, object))
}

function decideOnSource(fields: Record<string, string>): string {
  return refusedOr(() => {
    requireSourceCondition({ headers: headersOf(fields, 'x-amz-copy-source-') }, object)
    return 'send'
  })
}

function headersOf(fields: Record<string, string>, prefix: string): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, [value]]))
}

function refusedOr(work: () => string): string {
  try {
    return work()
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

for (const [fields, expected] of [
  [{}, 'send'],
  [{ 'if-match': '"abc-1"' }, 'send'],
  [{ 'if-match': 'abc-1' }, 'send'],
  [{ 'if-match': '"x", "abc-1"' }, 'send'],
  [{ 'if-match': '*' }, 'send'],
  [{ 'if-match': '"x"' }, 'PreconditionFailed'],
  [{ 'if-none-match': '"abc-1"' }, 'not-modified'],
  [{ 'if-none-match': 'W/"abc-1"' }, 'not-modified'],
  [{ 'if-none-match': '*' }, 'not-modified'],
  [{ 'if-none-match': '"x"' }, 'send'],
  [{ 'if-modified-since': before }, 'send'],
  [{ 'if-modified-since': same }, 'not-modified'],
  [{ 'if-modified-since': after }, 'not-modified'],
  [{ 'if-modified-since': 'yesterday' }, 'send'],
  [{ 'if-unmodified-since': before }, 'PreconditionFailed'],
  [{ 'if-unmodified-since': same }, 'send'],
  [{ 'if-unmodified-since': after }, 'send'],
  // S3: where both are there, the tag decides.
  [{ 'if-match': '"abc-1"', 'if-unmodified-since': before }, 'send'],
  [{ 'if-none-match': '"abc-1"', 'if-modified-since': before }, 'not-modified'],
  [{ 'if-none-match': '"x"', 'if-modified-since': after }, 'send'],
] as const) {
  conditions(`${JSON.stringify(fields)}: ${expected}`, () => {
    assert.is(decide(fields), expected)
    assert.is(decideOnSource(fields), expected === 'not-modified' ? 'PreconditionFailed' : expected)
  })
}

conditions.run()
