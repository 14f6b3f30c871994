import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ByteReader, createByteReader } from '../../lib/http/byte-reader.js'

const test = suite('bytes by lines and lengths')

/** Splits bytes at `cuts`; a repeated cut makes an empty chunk. */
async function* pieces(body: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const ends = [...cuts.map((cut) => cut % (body.length + 1)), body.length].sort((a, b) => a - b)
  let start = 0
  for (const end of ends) {
    yield body.subarray(start, end)
    start = end
  }
}

type Step =
  | { readonly read: 'line' | 'some' | 'rest'; readonly limit: number }
  | { readonly read: 'before'; readonly delimiter: string }

/** The rest of `left` after a step; undefined if the reader reported the end. */
async function after(reader: ByteReader, step: Step, left: Buffer): Promise<Buffer | undefined> {
  if (step.read === 'before') return afterDelimiter(reader, Buffer.from(step.delimiter), left)
  const given = await reader[step.read](step.limit)
  const feed = left.indexOf('\n')
  if (step.read === 'some') {
    assert.is(given === undefined, left.length === 0)
    if (given !== undefined) assert.ok(given.length > 0 && given.length <= step.limit, `${given.length} bytes`)
  } else {
    const length = step.read === 'rest' ? left.length : feed + 1
    const isThere = step.read === 'rest' || feed >= 0
    assert.is(given?.length, isThere && length <= step.limit ? length : undefined)
  }
  if (given === undefined) return undefined
  assert.ok(left.subarray(0, given.length).equals(given))
  return left.subarray(given.length)
}

async function afterDelimiter(reader: ByteReader, delimiter: Buffer, left: Buffer): Promise<Buffer | undefined> {
  const end = left.indexOf(delimiter)
  let at = 0
  for (;;) {
    const given = await reader.before(delimiter)
    if (given === undefined) {
      assert.is(end, -1)
      return undefined
    }
    if (given.length === 0) {
      assert.is(at, end)
      return left.subarray(end + delimiter.length)
    }
    assert.ok(left.subarray(at, at + given.length).equals(given))
    at += given.length
    assert.ok(end < 0 || at <= end, 'the delimiter is in none of the pieces')
  }
}

const body = fc
  .array(fc.constantFrom('a', 'b', '-', '\r', '\n', '-b', '\r\n--b'))
  .map((all) => Buffer.from(all.join('')))
const limit = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(1000))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ read: fc.constantFrom('line', 'some', 'rest'), limit }),
  fc.record({ read: fc.constant('before'), delimiter: fc.constantFrom('\n', '--b', '\r\n--b', '--', 'abab') }),
)

test('any chunks give the same result as the whole', () =>
  fc.assert(
    fc.asyncProperty(body, fc.array(fc.nat()), fc.array(step), async (whole, cuts, steps) => {
      const reader = createByteReader(pieces(whole, cuts))
      let left: Buffer | undefined = whole
      for (const one of steps) {
        left = await after(reader, one, left)
        if (left === undefined) return
      }
      assert.equal(await reader.rest(left.length), left)
      assert.is(await reader.some(1), undefined)
    }),
    { numRuns: 5000 },
  ))

test('a line has at most the length of its limit', async () => {
  const line = Buffer.from('12345\n')
  for (const cuts of [[], [1, 5], [5], [0, 1, 2, 3, 4, 5]]) {
    assert.is((await createByteReader(pieces(line, cuts)).line(6))?.toString(), '12345\n')
    assert.is(await createByteReader(pieces(line, cuts)).line(5), undefined)
  }
})

test('a line without an end fails at its limit, not at the end of the body', async () => {
  let pulled = 0
  async function* endless() {
    for (;;) {
      pulled++
      yield Buffer.from('xxxx')
    }
  }
  assert.is(await createByteReader(endless()).line(10), undefined)
  assert.is(pulled, 3)
  assert.is(await createByteReader(endless()).rest(10), undefined)
  assert.is(pulled, 6)
})

test('an error of the source is passed on', async () => {
  for (const read of ['line', 'some', 'rest'] as const) {
    const reader = createByteReader(broken())
    await reader[read](1).then(
      () => assert.unreachable(read),
      (error: Error) => assert.is(error.message, 'the client is gone'),
    )
  }
})

// biome-ignore lint/correctness/useYield: a source that ends with an error before it has given anything
async function* broken(): AsyncGenerator<Uint8Array> {
  throw new Error('the client is gone')
}

test('close closes the source', async () => {
  let isClosed = false
  async function* source() {
    try {
      yield Buffer.from('first')
      yield Buffer.from('second')
    } finally {
      isClosed = true
    }
  }
  const reader = createByteReader(source())
  await reader.some(1)
  assert.is(isClosed, false)
  await reader.close()
  assert.is(isClosed, true)
  await createByteReader({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject() }) }).close()
})

test.run()
