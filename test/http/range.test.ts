import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { cutTo, parseRange } from '../../lib/http/range.js'

const ranges = suite('ranges')

function parse(value: string | undefined, size: number): unknown {
  try {
    const range = parseRange(value, size)
    return range === undefined ? 'whole' : `${range.start}-${range.end}`
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

for (const [value, size, expected] of [
  [undefined, 10, 'whole'],
  ['bytes=0-', 10, '0-9'],
  ['bytes=0-0', 10, '0-0'],
  ['bytes=3-5', 10, '3-5'],
  ['bytes=3-100', 10, '3-9'],
  ['bytes=-3', 10, '7-9'],
  ['bytes=-100', 10, '0-9'],
  ['bytes=-0', 10, 'InvalidRange'],
  ['bytes=10-', 10, 'InvalidRange'],
  ['bytes=0-', 0, 'InvalidRange'],
  ['bytes=-1', 0, 'whole'],
  ['bytes=-0', 0, 'InvalidRange'],
  ['bytes=5-3', 10, 'whole'],
  ['bytes=1-2,4-5', 10, 'whole'],
  ['items=1-2', 10, 'whole'],
  ['bytes=a-b', 10, 'whole'],
  ['bytes=', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
] as const) {
  ranges(`${value} of ${size} bytes is ${expected}`, () => assert.is(parse(value, size), expected))
}

async function* chunksOf(content: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let offset = 0
  for (const size of sizes) {
    yield content.subarray(offset, offset + size)
    offset += size
  }
  yield content.subarray(offset)
}

ranges('any chunks are cut to the range', async () => {
  const sizes = fc.array(fc.nat(8), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), sizes, fc.nat(), async (content, chunks, seed) => {
      const length = 1 + (seed % content.length)
      const read: Uint8Array[] = []
      for await (const chunk of cutTo({ start: 5, end: 5 + length - 1 }, chunksOf(content, chunks))) read.push(chunk)
      assert.equal(Buffer.concat(read), Buffer.from(content.subarray(0, length)))
    }),
  )
})

ranges('unlimited white space costs no time', () => {
  for (const value of ['bytes=', 'bytes=0-', 'bytes'])
    assert.is(parse(`${value}${' '.repeat(1_000_000)}x`, 10), 'whole')
})

ranges('a stream that ends too early is an error', async () => {
  let failure: unknown
  try {
    for await (const _ of cutTo({ start: 0, end: 9 }, chunksOf(new Uint8Array(9), [4])));
  } catch (error) {
    failure = error
  }
  assert.match(String(failure), '1 bytes early')
})

ranges.run()
