import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PfsClient } from '../../lib/index.js'
import { readForSlowReader } from '../../lib/pfs/stalled-read.js'

const test = suite('a slow reader of a file')
const file = { commit: { repo: { project: 'default', name: 'r', type: 'user' }, id: 'c' }, path: '/f' } as const
const content = Buffer.alloc(1_000_000).map((_, index) => index % 251)

/** PFS with one file, in messages of 300,000 bytes; counts its calls, and those that are still open. */
function createPfs() {
  const asked: number[] = []
  let open = 0
  const pfs = {
    async *getFile({ offset = 0 }: { offset?: number }) {
      asked.push(offset)
      open += 1
      try {
        for (let start = offset; start < content.length; start += 300_000)
          yield content.subarray(start, start + 300_000)
      } finally {
        open -= 1
      }
    },
  } as unknown as PfsClient
  return { pfs, asked, open: () => open }
}

test('gets every byte in slices, with one call', async () => {
  const { pfs, asked, open } = createPfs()
  const slices: Uint8Array[] = []
  for await (const slice of readForSlowReader(pfs, file, { offset: 7 }, {})) slices.push(slice)
  assert.ok(slices.every(({ length, buffer }) => length <= 32_768 && buffer.byteLength === length))
  assert.equal(Buffer.concat(slices), content.subarray(7))
  assert.equal([asked, open()], [[7], 0])
})

test('holds no call while it stalls, and continues where it was', async () => {
  const { pfs, asked, open } = createPfs()
  const reader = readForSlowReader(pfs, file, { offset: 0, stallMilliseconds: 1 }, {})
  const slices: Uint8Array[] = []
  for (let stalls = 0; ; stalls += 1) {
    const { done, value } = await reader.next()
    if (done === true) break
    slices.push(value)
    // Stands still until the call has been given up.
    while (stalls < 3 && open() > 0) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(Buffer.concat(slices), content)
  assert.equal(asked.slice(0, 4), [0, 32_768, 65_536, 98_304])
  assert.is(open(), 0)
})

test('cancels the call when it leaves', async () => {
  const { pfs, open } = createPfs()
  for await (const _ of readForSlowReader(pfs, file, { offset: 0 }, {})) break
  assert.is(open(), 0)
})

test.run()
