import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FileInfo, PfsClient } from '../../../lib/pfs/client.js'
import { createKeyCodec } from '../../../lib/resolver/key.js'
import { type ListQuery, listKeys } from '../../../lib/resolver/listing/list-keys.js'
import { createBucket, listAll, namesOf, type TestBucket } from './bucket.js'

const cost = suite('PFS calls of a listing')
const { pathFromKey } = createKeyCodec('percent')
setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')
const numbers = Array.from({ length: 20_000 }, (_, index) => index)
const pad = (number: number) => String(number).padStart(6, '0')

async function bucketOf(keyAt: (index: number) => string): Promise<TestBucket> {
  return createBucket(new Set(numbers.map((index) => pathFromKey(keyAt(index)))))
}

async function pageOf({ source, cost: spent }: TestBucket, query: Partial<ListQuery>, most: [number, number]) {
  spent.calls = 0
  spent.entries = 0
  const page = await listKeys(source, { prefix: '', delimiter: '', after: '', limit: 1000, ...query })
  const [calls, entries] = most
  assert.ok(spent.calls <= calls, `${spent.calls} calls where ${calls} would do`)
  assert.ok(spent.entries <= entries, `${spent.entries} entries where ${entries} would do`)
  return namesOf(page)
}

cost('keys of one directory: a page is one call and its entries', async () => {
  const bucket = await bucketOf((index) => `file-${pad(index)}`)
  const first = await pageOf(bucket, {}, [1, 1001])
  assert.is(first.at(-1), 'file-000999')
  const second = await pageOf(bucket, { after: 'file-000999' }, [1, 1001])
  assert.is(second.at(-1), 'file-001999')
  await pageOf(bucket, { delimiter: '/' }, [1, 1001])
  await pageOf(bucket, { prefix: 'file-01' }, [1, 1001])
})

cost('a marker of a missing key: no more calls than its key is long', async () => {
  const bucket = await bucketOf((index) => `file-${pad(index)}`)
  const deep = await pageOf(bucket, { after: 'file-012345' }, [1 + 'file-012345'.length, 1001])
  assert.is(deep[0], 'file-012346')
  const below = await pageOf(bucket, { prefix: 'file-0123', after: 'file-012345' }, [1 + '45'.length, 1001])
  assert.is(below[0], 'file-012346')
})

cost('a page of a small directory: PFS reads no more than its entries', async () => {
  const bucket = await bucketOf((index) => `${pad(index >> 3)}/part-${index & 7}`)
  for (const delimiter of ['', '/']) {
    for (const prefix of ['001000/', '001000/part-3', 'none/', 'none/at/all/']) {
      // A key that ends like the directory is stored elsewhere, and must be read from the same commit.
      const calls = prefix.endsWith('/') ? 3 : 2
      await pageOf(bucket, { prefix, delimiter, limit: 2 }, [calls, 8])
      await pageOf(bucket, { prefix, delimiter }, [calls, 8])
    }
  }
  assert.is(bucket.cost.scansToEnd, 0)
})

cost('the last page of a long directory: PFS does not read to the end of the commit', async () => {
  const bucket = await bucketOf((index) => (index < 1500 ? `a/${pad(index)}` : `b/${pad(index)}`))
  const last = await pageOf(bucket, { prefix: 'a/', after: 'a/000999' }, [1 + '000999'.length, 1001])
  assert.equal([last.length, last.at(0), last.at(-1)], [500, 'a/001000', 'a/001499'])
  assert.is(bucket.cost.scansToEnd, 0)
})

cost('a page of common prefixes: one call, whatever they contain', async () => {
  const bucket = await bucketOf((index) => `${pad(index >> 3)}/part-${index & 7}`)
  const first = await pageOf(bucket, { delimiter: '/' }, [1, 1001])
  assert.is(first.at(-1), '000999/')
  assert.is((await pageOf(bucket, { delimiter: '/', after: '000999/' }, [1, 1001])).at(-1), '001999/')
  await pageOf(bucket, { prefix: '001000/', delimiter: '/' }, [3, 8])
})

cost('another delimiter: a few calls for small groups, one call for each large one', async () => {
  const small = await bucketOf((index) => `${pad(index >> 2)}-${index & 3}`)
  assert.is((await pageOf(small, { delimiter: '-' }, [30, 5000])).length, 1000)
  const large = await bucketOf((index) => `${Math.floor(index / 1000)}-${pad(index)}`)
  assert.is((await pageOf(large, { delimiter: '-' }, [22, 2500])).length, 20)
})

cost('occasional escapes: a few calls more', async () => {
  const bucket = await bucketOf((index) => `photo ${pad(index >> 1)}${index % 2 === 0 ? '' : ' (1)'}.jpg`)
  const first = await pageOf(bucket, {}, [6, 1100])
  assert.equal(first.slice(0, 3), ['photo 000000 (1).jpg', 'photo 000000.jpg', 'photo 000001 (1).jpg'])
  await pageOf(bucket, { after: first.at(-1) ?? '' }, [6, 1100])
  await pageOf(bucket, { after: 'photo 005000.jpg' }, [6 + 'photo 005000.jpg'.length, 1500])
})

cost('all names with the same escape at the start: a few calls more', async () => {
  const bucket = await bucketOf((index) => `é/ü-${pad(index)}`)
  const first = await pageOf(bucket, {}, [5, 1100])
  await pageOf(bucket, { after: first.at(-1) ?? '' }, [5, 1100])
})

cost('names that start with many different escapes: their first page reads the directory once', async () => {
  const bucket = await bucketOf((index) => `${String.fromCodePoint(0x4e00 + (index % 3000))}${pad(index)}`)
  const first = await pageOf(bucket, {}, [25, 21_100])
  await pageOf(bucket, { after: first.at(-1) ?? '' }, [5, 1100])
})

cost('names that start with many different escapes: few of their files are kept at a time', async () => {
  const bucket = await bucketOf((index) => `${String.fromCodePoint(0x4e00 + (index % 3000))}${pad(index)}`)
  const held: WeakRef<FileInfo>[] = []
  let most = 0
  async function* watch(found: AsyncIterable<FileInfo>) {
    for await (const info of found) {
      const own = { ...info }
      held.push(new WeakRef(own))
      yield own
      if (held.length % 1000 !== 0) continue
      // A reference that was just made, or read, keeps its object until the turn ends.
      await nextTurn()
      collectGarbage()
      most = Math.max(most, held.filter((reference) => reference.deref() !== undefined).length)
    }
  }
  const { pfs } = bucket.source
  const watched: PfsClient = {
    ...pfs,
    listFile: (request, options) => watch(pfs.listFile(request, options)),
    walkFile: (request, options) => watch(pfs.walkFile(request, options)),
    globFile: (request, options) => watch(pfs.globFile(request, options)),
  }
  const source = { ...bucket.source, pfs: watched }
  const names = await listAll(source, { prefix: '', delimiter: '', after: '' }, [1000])
  assert.equal(names.length, numbers.length)
  assert.ok(most <= 10_000, `${most} of ${held.length} files were held`)
})

cost.run()
