import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { parseExpectedObject, readExpectedObject } from '../../lib/operations/delete-condition.js'

const conditions = suite('conditions of a deletion')

function expectedAt(lastModified: string): number | undefined {
  return parseExpectedObject({ etag: undefined, size: undefined, lastModified }).lastModified?.getTime()
}

function isInvalidArgument(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'InvalidArgument'
}

conditions('the time in XML is an HTTP date or ISO 8601', () => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37)
  assert.is(expectedAt('Sun, 06 Nov 1994 08:49:37 GMT'), time)
  assert.is(expectedAt('1994-11-06T08:49:37Z'), time)
  assert.is(expectedAt('1994-11-06T08:49:37.000Z'), time)
  for (const text of ['5', '1994', '"foo-3000"', '2025-02-31T00:00:00Z']) {
    assert.throws(() => expectedAt(text), isInvalidArgument)
  }
})

conditions('the time in a header is an HTTP date', () => {
  const read = (text: string) =>
    readExpectedObject({ headers: new Map([['x-amz-if-match-last-modified-time', [text]]]) }).lastModified
  assert.is(read('Sun, 06 Nov 1994 08:49:37 GMT')?.toISOString(), '1994-11-06T08:49:37.000Z')
  for (const text of ['5', '1994', '"foo-3000"', '1994-11-06T08:49:37Z']) {
    assert.throws(() => read(text), isInvalidArgument)
  }
})

conditions.run()
