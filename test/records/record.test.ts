import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { emptyRecord, needsRecord } from '../../lib/records/record.js'
import { parseRecord, serializeRecord, UnreadableRecord } from '../../lib/records/record-format.js'

const test = suite('records')

const text = fc.string({ unit: 'binary', maxLength: 40 })
const headerText = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/)
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))

const options = { noNullPrototype: true }

const record = fc.record(
  {
    headers: fc.record(
      { 'content-type': headerText, 'cache-control': headerText, expires: headerText },
      { ...options, requiredKeys: [] },
    ),
    metadata: fc.dictionary(fc.stringMatching(/^[a-z0-9-]{1,20}$/), text, options),
    tags: fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 10 }),
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
    versions: fc.uniqueArray(
      fc.record(
        {
          commitId: hex(32),
          branch: fc.constantFrom('master', 'a-b_c'),
          time: fc.date({ noInvalidDate: true }),
        },
        options,
      ),
      { maxLength: 3, selector: ({ commitId }) => commitId },
    ),
  },
  options,
)

test('are parsed as they were serialized', async () => {
  await fc.assert(
    fc.asyncProperty(record, async (each) => assert.equal(await parseRecord(serializeRecord('key', each)), each)),
  )
})

test('that are empty are short', async () => {
  assert.is(serializeRecord('a/b', emptyRecord).toString(), '{"format":1,"key":"a/b"}\n')
  assert.equal(await parseRecord(serializeRecord('a/b', emptyRecord)), emptyRecord)
})

test('are needed only for attributes without a default', () => {
  const versions = [{ commitId: 'a'.repeat(32), branch: 'master', time: new Date(0) }]
  assert.not(needsRecord({ ...emptyRecord, etag: 'a'.repeat(32), versions }, 'text/html'))
  assert.not(needsRecord({ ...emptyRecord, headers: { 'content-type': 'text/html' } }, 'text/html'))
  assert.ok(needsRecord({ ...emptyRecord, metadata: { a: '' } }, 'text/html'))
  assert.ok(needsRecord({ ...emptyRecord, headers: { 'content-type': 'text/plain' } }, 'text/html'))
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
