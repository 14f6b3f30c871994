import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  emptyDescription,
  emptyRecord,
  needsRecord,
  type ObjectRecord,
  sizeOfRecord,
} from '../../lib/records/record.js'
import { applyAll, type RecordChange, restorationOf } from '../../lib/records/record-change.js'
import { parseRecord, serializeLine, serializeRecord, UnreadableRecord } from '../../lib/records/record-format.js'
import { RecordBuilder, type RecordLine } from '../../lib/records/record-lines.js'

const test = suite('records')

const text = fc.string({ unit: 'binary', maxLength: 40 })
const headerText = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/)
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))

const options = { noNullPrototype: true }

const tags = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 10 })

const description = fc.record(
  {
    headers: fc.record(
      { 'content-type': headerText, 'cache-control': headerText, expires: headerText },
      { ...options, requiredKeys: [] },
    ),
    metadata: fc.dictionary(fc.stringMatching(/^[a-z0-9-]{1,20}$/), text, options),
    tags,
    etag: fc.oneof(
      hex(32),
      fc.tuple(hex(32), fc.integer({ min: 1, max: 10_000 })).map((pair) => pair.join('-')),
    ),
    checksum: fc.record(
      {
        algorithm: fc.constantFrom('crc32', 'crc64nvme', 'sha256'),
        type: fc.constantFrom('FULL_OBJECT' as const, 'COMPOSITE' as const),
        value: fc.uint8Array({ minLength: 4, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      },
      options,
    ),
    parts: fc
      .uniqueArray(fc.record({ number: fc.integer({ min: 1, max: 10_000 }), size: fc.nat() }, options), {
        maxLength: 5,
        selector: ({ number }) => number,
      })
      .map((parts) => parts.sort((a, b) => a.number - b.number)),
  },
  options,
)

/** Few, so that lines describe the same versions again. */
const versions = fc.array(
  fc.record(
    {
      commitId: fc.constantFrom('a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)),
      branch: fc.constantFrom('master', 'a-b_c'),
      time: fc.date({ noInvalidDate: true }),
      isOpen: fc.constant(true as const),
      tags,
    },
    { ...options, requiredKeys: ['commitId', 'branch', 'time'] },
  ),
  { maxLength: 3 },
)

const line: fc.Arbitrary<RecordLine> = fc.oneof(
  fc.record({ description, versions }, options),
  fc.record({ versions }, options),
  fc.record({ versions, announcedFor: fc.constantFrom('master', 'a-b_c'), announcedTags: tags }, options),
  fc.record(
    {
      description,
      versions: fc.constant([]),
      announcedFor: fc.constantFrom('master', 'a-b_c'),
      after: fc.date({ noInvalidDate: true }),
    },
    { ...options, requiredKeys: ['description', 'versions', 'announcedFor'] },
  ),
)

const lines = fc.array(line, { minLength: 1, maxLength: 6 })

/** A record without the order of its versions, in which only their times count. */
function unordered({ versions: all, announced, ...others }: ObjectRecord) {
  return { ...others, versions: new Set(all), announced: new Map(announced) }
}

test('are the same when their lines are parsed', async () => {
  await fc.assert(
    fc.asyncProperty(lines, async (all) => {
      const built = new RecordBuilder()
      for (const each of all) built.add(each)
      const written = Buffer.concat(all.map((each) => serializeLine('key', each)))
      assert.equal(await parseRecord(written), built.build())
    }),
  )
})

test('are the same when they are rewritten', async () => {
  await fc.assert(
    fc.asyncProperty(lines, async (all) => {
      const built = new RecordBuilder()
      for (const each of all) built.add(each)
      const parsed = await parseRecord(serializeRecord('key', built.build()))
      assert.equal(unordered(parsed), unordered(built.build()))
    }),
  )
})

test('keep what two gateways write when one of them replaces what the other has just written', () => {
  const changesOf = (all: readonly RecordLine[]): readonly RecordChange[] =>
    all.map((each) => ({
      name: { repo: { name: 'r' } as never, path: '/k', content: 'c' },
      kind: 'append',
      line: each,
    }))
  fc.assert(
    fc.property(lines, lines, lines, (before, theirs, ours) => {
      const known = applyAll(undefined, changesOf(before))
      const replaced = applyAll(known, changesOf(theirs))
      const after = applyAll(known, changesOf(ours))
      const restored = restorationOf(replaced, after, changesOf(ours))?.(after) ?? after
      const expected = applyAll(replaced, changesOf(ours))
      assert.equal(restored && unordered(restored), expected && unordered(expected))
    }),
  )
})

/** Parts that count how often they are compared. */
function countedParts(): { readonly make: () => ObjectRecord['latest']; readonly reads: () => number } {
  let reads = 0
  const make = () => ({
    ...emptyDescription,
    parts: Array.from({ length: 100 }, (_, index) => ({
      number: index + 1,
      get size() {
        reads += 1
        return 1
      },
    })),
  })
  return { make, reads: () => reads }
}

test('list many versions in a line without comparing the parts of each', () => {
  const { make, reads } = countedParts()
  const versions = Array.from({ length: 100 }, (_, index) => ({
    commitId: index.toString(16).padStart(32, '0'),
    branch: 'master',
    time: new Date(index),
  }))
  const built = new RecordBuilder()
    .add({ description: make(), versions: [], announcedFor: 'master' })
    .add({ versions: [], announcedFor: 'master', announcedTags: [] })
    .add({ description: emptyDescription, versions: [] })
    .add({ description: make(), versions: [] })
  const before = reads()
  built.add({ versions })
  built.add({ description: make(), versions })
  assert.ok(reads() - before < 1000, `${reads() - before}`)
})

test('are merged without comparing the parts of each version', () => {
  const { make, reads } = countedParts()
  const recordOf = (): ObjectRecord => {
    const description = make()
    const versions = Array.from({ length: 100 }, (_, index) => ({
      commitId: index.toString(16).padStart(32, '0'),
      branch: 'master',
      time: new Date(index),
      description,
    }))
    return { ...emptyRecord, versions }
  }
  assert.not(restorationOf(recordOf(), recordOf(), []))
  const theirs = { ...recordOf(), latest: { ...emptyDescription, metadata: { v: 'theirs' } } }
  const after = recordOf()
  assert.equal(restorationOf(theirs, after, [])?.(recordOf())?.latest, theirs.latest)
  assert.ok(reads() < 1000, `${reads()}`)
})

test('of long branch names count them', () => {
  const branch = 'b'.repeat(1_000_000)
  const version = { commitId: 'a'.repeat(32), branch, time: new Date(), description: emptyDescription }
  const records: readonly Partial<ObjectRecord>[] = [
    { versions: [version] },
    { announced: new Map([[branch, { description: emptyDescription }]]) },
    { hidden: { commitId: version.commitId, branch } },
  ]
  for (const each of records) assert.ok(sizeOfRecord({ ...emptyRecord, ...each }) > branch.length)
})

test('that are empty are short', async () => {
  assert.is(serializeRecord('a/b', emptyRecord).toString(), '{"format":1,"key":"a/b"}\n')
  assert.equal(await parseRecord(serializeRecord('a/b', emptyRecord)), emptyRecord)
})

test('are needed only for attributes without a default', () => {
  assert.not(needsRecord({ ...emptyDescription, etag: 'a'.repeat(32) }, 'text/html'))
  assert.not(needsRecord({ ...emptyDescription, headers: { 'content-type': 'text/html' } }, 'text/html'))
  assert.ok(needsRecord({ ...emptyDescription, metadata: { a: '' } }, 'text/html'))
  assert.ok(needsRecord({ ...emptyDescription, headers: { 'content-type': 'text/plain' } }, 'text/html'))
})

for (const [what, file] of [
  ['no JSON', '{'],
  ['no object', '[]'],
  ['no format', '{}'],
  ['a later format', '{"format":2}'],
  ['a header that ends its line', '{"format":1,"headers":{"content-type":"a\\r\\nb: c"}}'],
  ['metadata that is no text', '{"format":1,"metadata":{"a":1}}'],
  ['an ETag that ends its quotes', '{"format":1,"etag":"\\""}'],
  ['tags that are no list', '{"format":1,"tags":{"a":"b"}}'],
  ['a negative part', '{"format":1,"parts":[{"number":1,"size":-1}]}'],
  [
    'a version without a time',
    '{"format":1,"versions":[{"commitId":"00000000000000000000000000000000","branch":"b"}]}',
  ],
] as const) {
  test(`with ${what} are unreadable`, async () => {
    const parsed = await parseRecord(Buffer.from(file)).catch((error: unknown) => error)
    assert.instance(parsed, UnreadableRecord)
  })
}

test('fail only as unreadable, whatever the file contains', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), async (json) => {
      try {
        await parseRecord(Buffer.from(json))
      } catch (error) {
        assert.ok(error instanceof UnreadableRecord)
      }
    }),
  )
})

test.run()
