import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { createByteBudget } from '../../lib/http/byte-budget.js'
import { readForm } from '../../lib/http/form.js'
import { codeOf } from '../support/s3-error.js'

const test = suite('multipart/form-data')

const memory = createByteBudget(Number.POSITIVE_INFINITY).open()
const type = 'multipart/form-data; boundary=XX'

async function* pieces(body: Uint8Array, size = Math.max(body.length, 1)): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

function part(name: string, value: string | Uint8Array, more = ''): Buffer {
  return Buffer.concat([
    Buffer.from(`--XX\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ])
}

const end = Buffer.from('--XX--\r\n')

function form(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, end])
}

async function read(body: Uint8Array, contentType: string | undefined = type, size?: number) {
  const { fields, fileName, file } = await readForm(pieces(body, size), contentType, memory)
  const content: Uint8Array[] = []
  for await (const bytes of file) content.push(bytes)
  return { fields: Object.fromEntries(fields), fileName, content: Buffer.concat(content).toString('latin1') }
}

const plain = form(part('key', 'a/b'), part('ACL', 'private'), part('file', 'content', '; filename="f.txt"'))

test('fields by lower-case name, and the file', async () => {
  assert.equal(await read(plain), { fields: { key: 'a/b', acl: 'private' }, fileName: 'f.txt', content: 'content' })
})

test('in chunks of any size', async () => {
  for (let size = 1; size <= plain.length; size++) {
    assert.is((await read(plain, type, size)).content, 'content', `pieces of ${size}`)
  }
})

test('the boundary may be quoted, and followed by other parameters', async () => {
  const types = [
    'multipart/form-data; boundary="XX"',
    'Multipart/Form-Data;charset=utf-8; boundary=XX',
    'multipart/form-data;boundary=XX;x=y',
  ]
  for (const one of types) assert.is((await read(plain, one)).content, 'content')
})

test('an empty file, and empty fields', async () => {
  const { fields, content } = await read(form(part('key', ''), part('file', '')))
  assert.equal([fields, content], [{ key: '' }, ''])
})

test('a file that contains boundary-like text', async () => {
  const content = '\r\n--X\r\n--XY\r\r\n--\r\n-\r\n\r\n--X'
  for (const size of [1, 2, 3, 7, 1000])
    assert.is((await read(form(part('file', content)), type, size)).content, content)
})

test('content after the file is ignored', async () => {
  const body = form(part('file', 'content'), part('key', 'late'), part('submit', 'Upload'))
  assert.equal(await read(body), { fields: {}, fileName: undefined, content: 'content' })
})

test('the file name replaces its variable in the key, without folders', async () => {
  const key = ['up/$', '{filename}-$', '{filename}'].join('')
  const names = { 'f.txt': 'f.txt', 'C:\\docs\\f.txt': 'f.txt', '/etc/passwd': 'passwd', '..': '..', 'a$&b': 'a$&b' }
  for (const [given, expected] of Object.entries(names)) {
    const { fields } = await read(form(part('key', key), part('acl', key), part('file', '', `; filename="${given}"`)))
    assert.equal(fields, { key: `up/${expected}-${expected}`, acl: key })
  }
})

test('names and values in UTF-8, with escaped quotes', async () => {
  const body = form(part('x-amz-meta-é', '日本'), part('file', '', '; filename="a\\"b; name=c.txt"'))
  const { fields, fileName } = await read(body)
  assert.equal([fields, fileName], [{ 'x-amz-meta-é': '日本' }, 'a"b; name=c.txt'])
})

const malformed: Record<string, [string | Buffer, string]> = {
  nothing: ['', 'MalformedPOSTRequest'],
  'no boundary': ['key=a&file=b', 'MalformedPOSTRequest'],
  'another boundary': [plain.toString().replaceAll('XX', 'YY'), 'MalformedPOSTRequest'],
  'a part without a name': ['--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--\r\n', 'MalformedPOSTRequest'],
  'a part without a disposition': ['--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--\r\n', 'MalformedPOSTRequest'],
  'an end within the head of a part': ['--XX\r\nContent-Disposition: form-data; name="key"', 'MalformedPOSTRequest'],
  'an end within a field': ['--XX\r\nContent-Disposition: form-data; name="key"\r\n\r\nval', 'MalformedPOSTRequest'],
  'an end within the file': [plain.subarray(0, -15), 'MalformedPOSTRequest'],
  'an end before the last boundary': [plain.subarray(0, -end.length), 'MalformedPOSTRequest'],
  'an end after one more part': [Buffer.concat([part('file', 'x'), part('late', 'y')]), 'MalformedPOSTRequest'],
  'junk after a boundary': [plain.toString().replace('a/b\r\n--XX\r\n', 'a/b\r\n--XXX\r\n'), 'MalformedPOSTRequest'],
  'no file': [form(part('key', 'a')), 'InvalidArgument'],
  'a field twice': [form(part('key', 'a'), part('Key', 'b'), part('file', '')), 'InvalidArgument'],
  'fields that are too long': [form(part('key', 'a'.repeat(20_480)), part('file', '')), 'MaxPostPreDataLengthExceeded'],
  'fields that are too many': [
    form(...Array.from({ length: 400 }, (_, at) => part(`f${at}`, '')), part('file', '')),
    'MaxPostPreDataLengthExceeded',
  ],
  'a head that is too long': [
    `--XX\r\nContent-Disposition: form-data; name="${'a'.repeat(30_000)}"`,
    'MaxPostPreDataLengthExceeded',
  ],
  'too much after the file': [form(part('file', 'x'), part('late', 'y'.repeat(30_000))), 'MalformedPOSTRequest'],
}

for (const [name, [body, code]] of Object.entries(malformed)) {
  test(`refused: ${name}`, async () => {
    assert.is(await codeOf(read(Buffer.from(body))), code)
  })
}

test('refused: a type without a boundary, or with one that is too long', async () => {
  for (const one of [
    '',
    'multipart/form-data',
    'multipart/mixed; boundary=XX',
    `multipart/form-data; boundary=${'X'.repeat(71)}`,
  ]) {
    assert.is(await codeOf(read(plain, one)), 'MalformedPOSTRequest')
  }
})

test('the body is closed when the fields are refused, and when the reader leaves the file', async () => {
  let closed = 0
  async function* watched(body: Buffer) {
    try {
      yield* pieces(body, 10)
    } finally {
      closed++
    }
  }
  await readForm(watched(form(part('key', 'a'), part('key', 'b'))), type, memory).catch(() => undefined)
  assert.is(closed, 1)
  const { file } = await readForm(watched(plain), type, memory)
  for await (const _ of file) break
  assert.is(closed, 2)
})

test('property: a file is read as it was written', async () => {
  const bytes = fc
    .array(fc.constantFrom('\r', '\n', '-', 'X', 'a', '\0'), { maxLength: 60 })
    .map((list) => list.join(''))
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 40 }), async (content, size) => {
      fc.pre(!content.includes('\r\n--XX'))
      assert.is((await read(form(part('key', 'k'), part('file', content)), type, size)).content, content)
    }),
    { numRuns: 1000 },
  )
})

test('property: any other input is read, or refused as S3 refuses it', async () => {
  const syntax = [
    '--XX',
    '\r\n',
    '\r\n--XX',
    '--',
    'Content-Disposition: form-data; name="',
    'key',
    'file',
    '"',
    '; filename="f"',
    '\r\n\r\n',
    'x',
  ]
  const bodies = fc.array(fc.constantFrom(...syntax), { maxLength: 30 }).map((parts) => Buffer.from(parts.join('')))
  await fc.assert(
    fc.asyncProperty(bodies, fc.integer({ min: 1, max: 20 }), async (body, size) => {
      await read(body, type, size).catch((error: unknown) => assert.instance(error, S3Error))
    }),
    { numRuns: 2000 },
  )
})

test.run()
