import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeOf } from '../support/s3-error.js'
import { signedChunkBytes } from '../support/sign.js'
import { check, put, read, signedStream, streaming, text, threeChunks, unsignedStream, whole } from './body-requests.js'
import { exampleKey, pieces, readAll } from './request.js'
import { presign, signHeader, unsignedChunks } from './signer.js'

const test = suite('aws-chunked bodies')

test('signed chunks, with and without a trailer', async () => {
  const plain = await signedStream(threeChunks)
  assert.is((await check(plain)).body.length, whole.length)
  assert.is(await read(plain), whole)
  assert.is(await read(await signedStream([])), '')
  const { body } = await check(await signedStream([text], 'x-amz-checksum-crc32:/6tyOg=='))
  assert.throws(() => body.checksums(), /only after it has been read to its end/)
  assert.is((await readAll(body)).toString(), 'hello, world')
  assert.equal([...body.checksums()], [['x-amz-checksum-crc32', '/6tyOg==']])
})

test('a framed body has the same content in any chunks', async () => {
  const signed = await signedStream(threeChunks)
  const trailed = await signedStream([text], 'x-amz-checksum-crc32:/6tyOg==')
  for (let size = 1; size < 100; size++) {
    assert.is(await read({ ...signed, body: pieces(signed.body, size) }), whole)
    assert.is(await read({ ...trailed, body: pieces(trailed.body, size) }), 'hello, world')
  }
})

test('a signed stream with any byte changed, removed or added fails', async () => {
  for (const stream of [await signedStream(threeChunks), await signedStream([text], 'x-amz-checksum-crc32:/6tyOg==')]) {
    const { body } = stream
    for (let at = 0; at < body.length; at++) {
      const before = body.subarray(0, at)
      const changed = Buffer.concat([before, Buffer.from([(body[at] ?? 0) ^ 1]), body.subarray(at + 1)])
      const shorter = Buffer.concat([before, body.subarray(at + 1)])
      for (const forged of [changed, shorter]) {
        assert.is.not(await codeOf(read({ ...stream, body: forged })), 'none', `at ${at}`)
      }
      assert.is.not(await codeOf(read({ ...stream, body: before })), 'none', `cut at ${at}`)
    }
    assert.is.not(await codeOf(read({ ...stream, body: Buffer.concat([body, Buffer.from('x')]) })), 'none')
  }
})

test('the last bytes of a forged chunk are never passed on', async () => {
  const stream = await signedStream(threeChunks)
  const forged = Buffer.from(stream.body.toString('latin1').replace('first', 'FIRST'), 'latin1')
  const seen: Uint8Array[] = []
  const { body } = await check({ ...stream, body: forged })
  const reading = async () => {
    for await (const bytes of body) seen.push(bytes)
  }
  assert.is(await codeOf(reading()), 'SignatureDoesNotMatch')
  assert.equal(seen, [])
})

test('chunks in another order, left out, or without a signature', async () => {
  const stream = await signedStream(threeChunks)
  const [first = '', second = '', ...rest] = stream.body.toString('latin1').split(/(?<=\r\n)(?=[0-9a-f]+;)/)
  const forgeries = [
    [second, first, ...rest],
    [first, first, ...rest],
    [first.replace(/;chunk-signature=[0-9a-f]*/, ''), second, ...rest],
    [first.replace(/chunk-signature=[0-9a-f]*/, 'chunk-signature='), second, ...rest],
    [first, second, ...rest.map((chunk) => chunk.replace(/^0;chunk-signature=[0-9a-f]*/, '0'))],
  ]
  for (const forged of forgeries) {
    const code = await codeOf(read({ ...stream, body: Buffer.from(forged.join(''), 'latin1') }))
    assert.ok(['SignatureDoesNotMatch', 'IncompleteBody'].includes(code), code)
  }
  assert.is(
    await codeOf(read({ ...stream, body: Buffer.from([first, ...rest].join(''), 'latin1') })),
    'SignatureDoesNotMatch',
  )
})

test('the chunks of another request', async () => {
  const other = await signHeader({
    method: 'PUT',
    target: '/bucket/other',
    headers: streaming('AWS4-HMAC-SHA256-PAYLOAD', 12),
  })
  const stream = await signedStream([text])
  const body = signedChunkBytes(other, exampleKey, [text])
  assert.is(await codeOf(read({ ...stream, body })), 'SignatureDoesNotMatch')
})

test("a trailer with minio-go's ending: LF and an empty line", async () => {
  const stream = await signedStream([text], 'x-amz-checksum-crc32:/6tyOg==')
  const body = stream.body.toString('latin1').replace('/6tyOg==\r\n', '/6tyOg==\n\r\n')
  assert.is(await read({ ...stream, body: Buffer.from(body, 'latin1') }), 'hello, world')
  const unsigned = 'c\r\nhello, world\r\n0\r\nx-amz-checksum-crc32:/6tyOg==\n\r\n\r\n'
  assert.is(await read(await unsignedStream(Buffer.from(unsigned), 12, 'x-amz-checksum-crc32')), 'hello, world')
})

test('a trailer whose signature is missing, wrong or of another trailer', async () => {
  const stream = await signedStream([text], 'x-amz-checksum-crc32:/6tyOg==')
  const body = stream.body.toString('latin1')
  const changes = [
    body.replace(/x-amz-trailer-signature:.*\r\n/, ''),
    body.replace(/x-amz-trailer-signature:.*\r\n/, `x-amz-trailer-signature:${'0'.repeat(64)}\r\n`),
    body.replace('/6tyOg==', 'AAAAAA=='),
  ]
  for (const changed of changes) {
    assert.is(await codeOf(read({ ...stream, body: Buffer.from(changed, 'latin1') })), 'SignatureDoesNotMatch')
  }
})

test('unsigned chunks with the checksum of the trailer', async () => {
  const name = 'x-amz-checksum-crc32'
  const good = await unsignedStream(unsignedChunks([text], `${name}:/6tyOg==`), 12, name)
  assert.is(await read(good), 'hello, world')
  const trailers = {
    'x-amz-checksum-crc32:AAAAAA==': 'BadDigest',
    'x-amz-checksum-crc32:short': 'InvalidRequest',
    'x-amz-checksum-crc32': 'MalformedTrailerError',
    'x-amz-checksum-crc32c:/6tyOg==': 'MalformedTrailerError',
    'x-amz-checksum-crc32:/6tyOg==\r\nx-amz-meta-a:1': 'MalformedTrailerError',
    'x-amz-checksum-crc32:/6tyOg==\r\nx-amz-checksum-crc32:/6tyOg==': 'MalformedTrailerError',
    ':': 'MalformedTrailerError',
    [`x-amz-checksum-crc32:${'A'.repeat(20_000)}`]: 'MalformedTrailerError',
  }
  for (const [trailer, code] of Object.entries(trailers)) {
    const sent = await unsignedStream(unsignedChunks([text], trailer), 12, name)
    assert.is(await codeOf(read(sent)), code, trailer.slice(0, 80))
  }
  assert.is(await codeOf(read(await unsignedStream(unsignedChunks([text]), 12, name))), 'MalformedTrailerError')
})

test('a trailer that is not announced, or announced for another kind of body', async () => {
  const sent = await unsignedStream(unsignedChunks([text], 'x-amz-checksum-crc32:/6tyOg=='), 12)
  assert.is(await codeOf(read(sent)), 'MalformedTrailerError')
  assert.is(await read(await unsignedStream(unsignedChunks([text]), 12)), 'hello, world')
  assert.is(await codeOf(check(await put({ 'x-amz-trailer': 'x-amz-checksum-crc32' }))), 'InvalidRequest')
  for (const name of ['x-amz-meta-a', 'x-amz-checksum-md6', 'x-amz-checksum-crc32,x-amz-checksum-sha1', '']) {
    assert.is(await codeOf(check(await unsignedStream(text, 12, name))), 'InvalidRequest')
  }
})

const framing: Record<string, string> = {
  'no chunk at all': '',
  'no last chunk': 'c\r\nhello, world\r\n',
  'a body that ends in a chunk': 'c\r\nhello',
  'a body that ends in a size': 'c',
  'no line break after a chunk': 'c\r\nhello, world0\r\n\r\n',
  'a bare line feed after a size': 'c\nhello, world\r\n0\r\n\r\n',
  'no end after the last chunk': 'c\r\nhello, world\r\n0\r\n',
  'a size that is not a number': 'xyz\r\nhello, world\r\n0\r\n\r\n',
  'a negative size': '-c\r\nhello, world\r\n0\r\n\r\n',
  'a size beyond all bounds': 'ffffffffffffffff\r\nhello, world\r\n0\r\n\r\n',
  'a size of too many digits': '0000000000000000c\r\nhello, world\r\n0\r\n\r\n',
  'an empty line for a size': '\r\nc\r\nhello, world\r\n0\r\n\r\n',
  'a size line without end': `c;${'x'.repeat(5000)}`,
  'less than announced': '5\r\nhello\r\n0\r\n\r\n',
  'more than announced': 'd\r\nhello, world!\r\n0\r\n\r\n',
  'a chunk after the last one': 'c\r\nhello, world\r\n0\r\n\r\n1\r\n!\r\n0\r\n\r\n',
  'no framing': 'hello, world',
}

for (const [name, body] of Object.entries(framing)) {
  test(`framing with ${name}`, async () => {
    const code = await codeOf(read(await unsignedStream(Buffer.from(body), 12)))
    assert.ok(['IncompleteBody', 'MalformedTrailerError'].includes(code), code)
  })
}

test('framing without the length of the content', async () => {
  const signed = await put({
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'content-encoding': 'aws-chunked',
  })
  assert.is(await codeOf(check(signed)), 'MissingContentLength')
  const odd = await put({
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-decoded-content-length': '-1',
  })
  assert.is(await codeOf(check(odd)), 'InvalidArgument')
})

test('an unsigned trailer does not authenticate, nor do signed chunks without a signed request', async () => {
  for (const kind of ['UNSIGNED-PAYLOAD-TRAILER', 'AWS4-HMAC-SHA256-PAYLOAD', 'AWS4-HMAC-SHA256-PAYLOAD-TRAILER']) {
    const sent = { method: 'PUT', target: '/bucket/key', headers: { Host: 'h', ...streaming(kind, 12) } }
    assert.is(await codeOf(check(sent)), 'AccessDenied')
    const signed = await signHeader(sent)
    const authorization = (signed.headers.authorization ?? '').replace(/Signature=.*/, `Signature=${'0'.repeat(64)}`)
    assert.is(
      await codeOf(check({ ...signed, headers: { ...signed.headers, authorization } })),
      'SignatureDoesNotMatch',
    )
  }
})

test('a presigned URL may only use unsigned framing', async () => {
  const url = (kind: string) => presign({ method: 'PUT', target: '/bucket/key', headers: streaming(kind, 12) })
  const body = unsignedChunks([text])
  assert.is(await read({ ...(await url('UNSIGNED-PAYLOAD-TRAILER')), body }), 'hello, world')
  assert.is(await codeOf(check({ ...(await url('AWS4-HMAC-SHA256-PAYLOAD')), body })), 'InvalidRequest')
})

test('anonymous callers: everything that needs no key is still verified', async () => {
  const signed = await signedStream(threeChunks)
  assert.is(await read(signed, true), whole)
  const altered = Buffer.from(signed.body.toString('latin1').replace('second', 'SECOND'), 'latin1')
  assert.is(await read({ ...signed, body: altered }, true), whole.replace('second', 'SECOND'))
  assert.is(await codeOf(read({ ...signed, body: signed.body.subarray(0, -2) }, true)), 'IncompleteBody')
  assert.is(await codeOf(read({ ...(await put({})), body: 'other' }, true)), 'XAmzContentSHA256Mismatch')
  const trailed = await signedStream([text], 'x-amz-checksum-crc32:AAAAAA==')
  assert.is(await codeOf(read(trailed, true)), 'BadDigest')
})

test('an SDK without credentials frames its body without saying so in x-amz-content-sha256', async () => {
  const { 'x-amz-content-sha256': _, ...headers } = streaming('', 12, 'x-amz-checksum-crc32')
  const body = unsignedChunks([text], 'x-amz-checksum-crc32:/6tyOg==')
  assert.is(await read({ method: 'PUT', target: '/bucket/key', headers, body }, true), 'hello, world')
})

test('property: content is the same in any framing and any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 500 }),
      async (chunks, size) => {
        const stream = await signedStream(chunks)
        const { body } = await check({ ...stream, body: pieces(stream.body, size) })
        assert.ok((await readAll(body)).equals(Buffer.concat(chunks)))
      },
    ),
    { numRuns: 200 },
  )
})

test.run()
