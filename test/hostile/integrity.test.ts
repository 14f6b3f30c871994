import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Signed, signedChunks, signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf, type RawResponse } from '../support/wire.js'
import { ask, type House, openHouse, stored, storedPaths } from './house.js'

/** README.md, Integrity: the number before a test's name is that of the class. */
const test = suite<{ house: House }>('integrity')

test.before(async (context) => {
  context.house = await openHouse('keys')
})

test.after(({ house }) => house.close())

async function put(house: House, target: string, body: string): Promise<RawResponse> {
  const response = await ask(house, { method: 'PUT', target, body })
  assert.is(outcomeOf(response), '200')
  return response
}

function streamed(house: House, chunks: readonly string[]): { readonly request: Signed; readonly body: string } {
  const headers = { 'x-amz-decoded-content-length': String(Buffer.byteLength(chunks.join(''))) }
  const unsigned = { method: 'PUT', target: '/alice/streamed', headers, body: '' }
  const signing = { key: house.alice, payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }
  const request = signV4(unsigned, signing)
  return { request, body: signedChunks(request, house.alice, chunks) }
}

const sizes = [
  ['small', ['a'.repeat(70_000), 'b'.repeat(7)]],
  ['large', ['a'.repeat(1_500_000), 'b'.repeat(700_000)]],
] as const

for (const [size, chunks] of sizes) {
  test(`21: framing never ends up in a ${size} object, whatever its chunks`, async ({ house }) => {
    const { request, body } = streamed(house, chunks)
    const headers = { ...request.headers, 'content-length': String(body.length) }
    assert.is(outcomeOf(await exchange(house.port, { ...request, headers, body })), '200')
    assert.is(await stored(house, 'alice', '/streamed'), chunks.join(''))
    const wire = await openWire(house.port)
    wire.send(bytesOf({ ...request, headers, body: '' }))
    for (let at = 0; at < body.length; at += 65_537) wire.send(body.slice(at, at + 65_537))
    assert.is((await wire.response())?.status, 200)
    wire.close()
  })

  test(`21: a ${size} aws-chunked body that is too short or too long is not stored`, async ({ house }) => {
    await put(house, '/alice/streamed', 'before')
    const { request, body } = streamed(house, chunks)
    for (const changed of [
      body.slice(0, -1),
      body.slice(0, -90),
      body.slice(0, 60_000),
      `${body}x`,
      body.replace('b\r\n', 'bb\r\n'),
    ]) {
      const headers = { ...request.headers, 'content-length': String(changed.length) }
      assert.match(outcomeOf(await exchange(house.port, { ...request, headers, body: changed })), /^40[03] /)
    }
    assert.is(await stored(house, 'alice', '/streamed'), 'before')
  })
}

for (const [size, length] of [
  ['small', 1000],
  ['large', 2_000_000],
] as const) {
  test(`21: a ${size} body whose connection ends early is not stored`, async ({ house }) => {
    await put(house, '/alice/short', 'before')
    const headers = { 'content-length': String(length) }
    const request = signV4(
      { method: 'PUT', target: '/alice/short', headers },
      { key: house.alice, payloadHash: 'UNSIGNED-PAYLOAD' },
    )
    const wire = await openWire(house.port)
    wire.send(bytesOf({ ...request, body: 'x'.repeat(length - 1) }))
    await wire.ended()
    wire.close()
    assert.is(await stored(house, 'alice', '/short'), 'before')
  })

  test(`21: a ${size} body in HTTP chunks, complete and cut off`, async ({ house }) => {
    const chunked = (target: string) =>
      signV4(
        { method: 'PUT', target, headers: { 'transfer-encoding': 'chunked' } },
        { key: house.alice, payloadHash: 'UNSIGNED-PAYLOAD' },
      )
    const chunk = `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`
    assert.is(outcomeOf(await exchange(house.port, { ...chunked('/alice/whole'), body: `${chunk}0\r\n\r\n` })), '200')
    assert.is((await stored(house, 'alice', '/whole'))?.length, length)
    const wire = await openWire(house.port)
    wire.send(bytesOf({ ...chunked('/alice/broken'), body: chunk }))
    await wire.ended()
    wire.close()
    assert.is(await stored(house, 'alice', '/broken'), undefined)
  })
}

test('21: a body is as long as its Content-Length; the rest is another request', async ({ house }) => {
  const first = signV4({ method: 'PUT', target: '/alice/exact', body: 'exact' }, { key: house.alice })
  const second = signV4({ target: '/alice/whole' }, { key: house.alice })
  const wire = await openWire(house.port)
  wire.send(Buffer.concat([bytesOf(first), bytesOf(second)]))
  assert.is((await wire.response())?.status, 200)
  assert.is((await wire.response())?.body.length, 2_000_000)
  assert.is(await stored(house, 'alice', '/exact'), 'exact')
  wire.close()
})

test('22: a read returns the requested version, and an invalid copy range copies nothing', async ({ house }) => {
  const first = await put(house, '/alice/versions', 'first')
  const second = await put(house, '/alice/versions', 'second')
  for (const [response, content] of [
    [first, 'first'],
    [second, 'second'],
  ] as const) {
    const read = await ask(house, { target: `/alice/versions?versionId=${response.headers['x-amz-version-id']}` })
    assert.equal([read.body, read.headers['x-amz-version-id']], [content, response.headers['x-amz-version-id']])
  }
  for (const id of ['null', 'f'.repeat(32), 'master', 'master^', '', `${first.headers['x-amz-version-id']}^`]) {
    const read = await ask(house, { target: `/alice/versions?versionId=${encodeURIComponent(id)}` })
    assert.ok(read.status >= 400, `versionId=${id}: ${read.status}`)
  }
  const started = await ask(house, { method: 'POST', target: '/alice/parts?uploads' })
  const uploadId = /<UploadId>([^<]+)/.exec(started.body)?.[1] ?? ''
  for (const range of [
    'bytes=0-99',
    'bytes=6-6',
    'bytes=3-2',
    'bytes=0-',
    'bytes=-3',
    '0-3',
    'bytes=0-1,3-4',
    'bytes=',
    'lines=0-3',
  ]) {
    const headers = { 'x-amz-copy-source': '/alice/versions', 'x-amz-copy-source-range': range }
    const target = `/alice/parts?partNumber=1&uploadId=${encodeURIComponent(uploadId)}`
    assert.match(outcomeOf(await ask(house, { method: 'PUT', target, headers })), /^4(00|16) \w+/, range)
  }
})

const strange = [
  'a b',
  'a+b',
  'a%20b',
  'a%2Bb',
  '%',
  '&amp;',
  '<k>',
  '"',
  "'",
  'ü',
  '\u0001',
  'tab\t',
  'line\n',
  '\r',
  '\u007f',
  '\ufffe',
  '😀',
]

test('24: every unusual key is listed once, at any page size', async ({ house }) => {
  for (const key of strange) await put(house, `/shared/${encodeURIComponent(key)}`, key)
  const inOrder = [...strange].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const size of [1, 2, 5, 1000]) {
    const keys: string[] = []
    let token = ''
    do {
      const target = `/shared?list-type=2&encoding-type=url&max-keys=${size}${token && `&continuation-token=${token}`}`
      const { body } = await ask(house, { target })
      for (const [, key = ''] of body.matchAll(/<Key>([^<]*)/g)) keys.push(decodeURIComponent(key.replaceAll('+', ' ')))
      token = /<NextContinuationToken>([^<]*)/.exec(body)?.[1] ?? ''
    } while (token !== '')
    assert.equal(keys, inOrder)
  }
})

test('24: without an encoding, characters that XML cannot contain are sent as references', async ({ house }) => {
  const { body } = await ask(house, { target: '/shared?list-type=2' })
  assert.not.match(body, /[\x00-\x08\x0b\x0c\x0e-\x1f\r\ufffe\uffff]/)
  assert.match(body, '<Key>&#x1;</Key>')
  assert.match(body, '<Key>&#xd;</Key>')
  assert.match(body, '<Key>&amp;amp;</Key>')
})

test('25: put, head, get, list and copy have the same ETag, which is the MD5', async ({ house }) => {
  const { headers } = await put(house, '/alice/etag', 'content')
  const etag = headers.etag ?? ''
  assert.is(etag, `"${createHash('md5').update('content').digest('hex')}"`)
  const copied = await ask(house, {
    method: 'PUT',
    target: '/alice/etag2',
    headers: { 'x-amz-copy-source': '/alice/etag' },
  })
  const listed = await ask(house, { target: '/alice?prefix=etag' })
  const quoted = etag.replaceAll('"', '&quot;')
  assert.is((await ask(house, { method: 'HEAD', target: '/alice/etag' })).headers.etag, etag)
  assert.is((await ask(house, { target: '/alice/etag' })).headers.etag, etag)
  assert.is(/<ETag>([^<]*)/.exec(copied.body)?.[1], quoted)
  assert.equal(
    [...listed.body.matchAll(/<ETag>([^<]*)/g)].map(([, tag]) => tag),
    [quoted, quoted],
  )
})

test('26: keys in XML are text: not trimmed, not converted, with entities decoded', async ({ house }) => {
  const kept = ['7', 'a', 'b', 'true', 'x']
  const gone = ['007', ' a', 'b ', '__proto__', 'constructor', 'hasOwnProperty', 'True', '1e3', '&lt;', 'c&d', '\r']
  for (const key of [...kept, ...gone]) await put(house, `/alice/xml/${encodeURIComponent(key)}`, 'x')
  const written = gone.map((key) =>
    key.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\r', '&#13;').replace('d', '<![CDATA[d]]>'),
  )
  const body = `<Delete>${written.map((key) => `<Object><Key>xml/${key}</Key></Object>`).join('')}</Delete>`
  const deleted = await ask(house, { method: 'POST', target: '/alice?delete', body })
  assert.equal([...deleted.body.matchAll(/<Deleted>/g)].length, gone.length)
  const left = (await storedPaths(house, 'alice')).filter((path) => path.startsWith('/xml/'))
  assert.equal(
    left,
    kept.map((key) => `/xml/${key}`),
  )
})

for (const body of [
  '',
  ' ',
  'x',
  '<Delete>',
  '<Delete/>',
  '<Delete></Delete><Delete></Delete>',
  '<Delete><Object></Object></Delete>',
  '<Delete><Object><Key></Key></Object></Delete>',
  '<Remove><Object><Key>kept</Key></Object></Remove>',
  ...[
    '&nothing;',
    '&constructor;',
    '&__proto__;',
    '&nbsp;',
    '&#0;',
    '&#1;',
    '&#xfffe;',
    '&#x110000;',
    '&#-1;',
    '&kept',
  ].map((entity) => `<Delete><Object><Key>kept</Key></Object><Object><Key>${entity}</Key></Object></Delete>`),
  '<!DOCTYPE Delete [<!ENTITY e "kept">]><Delete><Object><Key>&e;</Key></Object></Delete>',
  '<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete><Object><Key>kept</Key></Object></Delete>',
  `<Delete>${'<a>'.repeat(100)}${'</a>'.repeat(100)}</Delete>`,
  '<Delete hasOwnProperty="x" other="y"><Object><Key>kept</Key></Object></Delete>',
  '<Delete><Object><Key>kept</Key></Object></Delete>\0',
  '{"Objects":[{"Key":"kept"}]}',
  `<Delete>${'<Object><Key>kept</Key></Object>'.repeat(1001)}</Delete>`,
]) {
  test(`26: ${JSON.stringify(body.slice(0, 100))} deletes nothing`, async ({ house }) => {
    await put(house, '/alice/kept', 'kept')
    const outcome = outcomeOf(await ask(house, { method: 'POST', target: '/alice?delete', body }))
    assert.match(outcome, /^400 (MalformedXML|MissingRequestBodyError)$/)
    assert.is(await stored(house, 'alice', '/kept'), 'kept')
  })
}

test('27: an error in the middle of a body cuts the connection, whatever the framing', async () => {
  const house = await openHouse('keys')
  const { getFile } = house.pfs
  const large = 'x'.repeat(3_000_000)
  assert.is(outcomeOf(await ask(house, { method: 'PUT', target: '/alice/large', body: large })), '200')
  house.pfs.getFile = async function* (request, options) {
    yield* take(getFile(request, options))
    throw new Error('pachd is gone')
  }
  const wire = await openWire(house.port)
  wire.send(bytesOf(signV4({ target: '/alice/large' }, { key: house.alice })))
  assert.is(await wire.response(), undefined)
  wire.close()
  assert.match(house.log.join(), 'pachd is gone')
  await house.close()
})

/** The first piece of a stream. */
async function* take(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    yield chunk.subarray(0, 100_000)
    return
  }
}

test.run()
