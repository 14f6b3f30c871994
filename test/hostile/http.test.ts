import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Signed, signV2, signV4, type Unsigned } from '../support/sign.js'
import {
  bytesOf,
  exchange,
  openWire,
  outcomeOf,
  type RawRequest,
  type RawResponse,
  type Wire,
  xmlText,
} from '../support/wire.js'
import { type House, openHouse, stored } from './house.js'

/** Requests on the wire that HTTP clients do not send. */
const test = suite<{ house: House }>('hostile HTTP')

test.before(async (context) => {
  context.house = await openHouse('keys')
  const put = signV4({ method: 'PUT', target: '/alice/kept', body: 'kept' }, { key: context.house.alice })
  assert.is(outcomeOf(await exchange(context.house.port, put)), '200')
})

test.after(({ house }) => house.close())

function signed(house: House, request: Unsigned): Signed {
  return signV4(request, { key: house.alice })
}

/** Every answer that comes on a connection until it is closed; the client ends it after `count` answers. */
async function answers(house: House, bytes: string | Uint8Array, count = 1): Promise<readonly RawResponse[]> {
  const wire = await openWire(house.port)
  wire.send(bytes)
  const all: RawResponse[] = []
  for (let next = await wire.response(); next !== undefined; next = await wire.response()) {
    all.push(next)
    if (next.headers.connection !== 'close' && all.length >= count) wire.end()
  }
  wire.close()
  return all
}

/** A second request, hidden in the part of the first that a careless server treats as body or rest. */
function hidden(house: House): string {
  return bytesOf(signed(house, { method: 'DELETE', target: '/alice/kept' })).toString('latin1')
}

for (const [name, lines] of [
  ['Content-Length and Transfer-Encoding', ['content-length: 5', 'transfer-encoding: chunked']],
  ['Transfer-Encoding and Content-Length', ['transfer-encoding: chunked', 'content-length: 5']],
  ['two Content-Lengths', ['content-length: 0', 'content-length: 5']],
  ['a list of Content-Lengths', ['content-length: 0, 5']],
  ['a Content-Length that is none', ['content-length: 5x']],
  ['a negative Content-Length', ['content-length: -5']],
  ['a Content-Length with a sign', ['content-length: +5']],
  ['a hexadecimal Content-Length', ['content-length: 0x5']],
  ['Transfer-Encoding that ends in something else', ['transfer-encoding: chunked, identity']],
  ['Transfer-Encoding with a vertical tab', ['transfer-encoding: \u000bchunked']],
  ['two Transfer-Encodings', ['transfer-encoding: chunked', 'transfer-encoding: identity']],
  ['white space before the colon', ['content-length : 5']],
  ['a folded header', ['content-length: 0', ' 5']],
  ['a header without a colon', ['content-length 5']],
  ['NUL in a header', ['x-a: b\0c']],
  ['a bare CR in a header', ['x-a: b\rcontent-length: 5']],
] as const) {
  test(`${name}: no hidden request is executed`, async ({ house }) => {
    const { headers } = signed(house, { method: 'PUT', target: '/alice/x', headers: { 'content-length': '0' } })
    const { 'content-length': _, ...rest } = headers
    const head = ['PUT /alice/x HTTP/1.1', ...Object.entries(rest).map(([key, value]) => `${key}: ${value}`), ...lines]
    const all = await answers(house, Buffer.from(`${head.join('\r\n')}\r\n\r\n0\r\n\r\n${hidden(house)}`, 'latin1'))
    assert.ok(
      all.every(({ status }) => status >= 400),
      all.map(outcomeOf).join(),
    )
    assert.is(await stored(house, 'alice', '/kept'), 'kept')
  })
}

test('a refused body is never parsed as the next request', async ({ house }) => {
  const forged = signV4(
    { method: 'PUT', target: '/alice/x', body: '' },
    { key: { ...house.alice, secretAccessKey: 'no' } },
  )
  const body = hidden(house)
  for (const length of [body.length, body.length + 1000, 50_000_000]) {
    const request: RawRequest = { ...forged, body, headers: { ...forged.headers, 'content-length': String(length) } }
    const wire = await openWire(house.port)
    wire.send(bytesOf(request))
    assert.is(outcomeOf((await wire.response()) as RawResponse), '403 SignatureDoesNotMatch')
    wire.send(hidden(house))
    wire.end()
    for (let next = await wire.response(); next !== undefined; next = await wire.response()) {
      assert.is(next.status, 204, 'only a request of its own is answered')
    }
    wire.close()
    if (length > body.length) assert.is(await stored(house, 'alice', '/kept'), 'kept')
    await exchange(house.port, signed(house, { method: 'PUT', target: '/alice/kept', body: 'kept' }))
  }
})

test('a client that sends a large refused body completely can read its response', async ({ house }) => {
  const forged = signV4(
    { method: 'PUT', target: '/alice/x', body: '' },
    { key: { ...house.alice, secretAccessKey: 'no' } },
  )
  const wire = await openWire(house.port)
  wire.send(bytesOf({ ...forged, headers: { ...forged.headers, 'content-length': '8000000' } }))
  for (let sent = 0; sent < 8_000_000; sent += 500_000) await wire.sent('x'.repeat(500_000))
  const response = await wire.response()
  assert.equal([response?.status, response?.headers.connection], [403, 'close'])
  assert.is(await wire.response(), undefined)
  wire.close()
})

async function continued(house: House, request: Signed): Promise<readonly [Wire, RawResponse | undefined]> {
  const wire = await openWire(house.port)
  wire.send(bytesOf({ ...request, body: '' }))
  return [wire, await wire.response()]
}

test('Expect: 100-continue gets 100 after the signature has been verified', async ({ house }) => {
  const body = 'expected'
  const put = signed(house, { method: 'PUT', target: '/alice/expected', body, headers: { expect: '100-continue' } })
  const [wire, first] = await continued(house, put)
  assert.is(first?.status, 100)
  wire.send(body)
  assert.is((await wire.response())?.status, 200)
  wire.close()
  assert.is(await stored(house, 'alice', '/expected'), body)
})

test('Expect: 100-continue of a refused request gets the error, and no 100', async ({ house }) => {
  const { alice, bob } = house
  const expect = { expect: '100-continue', 'content-length': '3000000' }
  const wrong = { ...alice, secretAccessKey: 'wrong' }
  const cases = [
    ['403 SignatureDoesNotMatch', wrong, 'PUT', '/alice/x'],
    ['404 NoSuchBucket', alice, 'PUT', '/none/x'],
    ['403 AccessDenied', bob, 'PUT', '/shared/x'],
    ['400 InvalidBucketName', alice, 'PUT', '/a_b.c!/x'],
    ['501 NotImplemented', alice, 'PUT', '/alice/x?torrent'],
    ['405 MethodNotAllowed', alice, 'PATCH', '/alice/x'],
  ] as const
  for (const [outcome, key, method, target] of cases) {
    const request = signV4({ method, target, headers: expect }, { key, payloadHash: 'UNSIGNED-PAYLOAD' })
    const [wire, first] = await continued(house, request)
    assert.equal([outcomeOf(first as RawResponse), first?.headers.connection], [outcome, 'close'])
    wire.close()
  }
})

test('an unknown expectation is refused', async ({ house }) => {
  const put = signed(house, { method: 'PUT', target: '/alice/x', body: 'x', headers: { expect: 'miracles' } })
  assert.is((await exchange(house.port, put)).status, 417)
  assert.is(await stored(house, 'alice', '/x'), undefined)
})

test('pipelined requests are answered in order, even after errors', async ({ house }) => {
  const targets = ['/alice/kept', '/alice/none', '/none/x', '/alice/kept']
  const all = await answers(
    house,
    Buffer.concat(targets.map((target) => bytesOf(signed(house, { target })))),
    targets.length,
  )
  assert.equal(all.map(outcomeOf), ['200', '404 NoSuchKey', '404 NoSuchBucket', '200'])
})

test('a pipelined request runs after the one before it', async ({ house }) => {
  const methods = ['GET', 'DELETE', 'GET', 'PUT', 'GET']
  const target = '/alice/pipelined'
  const request = (method: string) => signed(house, { method, target, ...(method === 'PUT' && { body: 'new' }) })
  assert.is(outcomeOf(await exchange(house.port, signed(house, { method: 'PUT', target, body: 'old' }))), '200')
  const all = await answers(house, Buffer.concat(methods.map((method) => bytesOf(request(method)))), methods.length)
  assert.equal(
    all.map(({ status, body }) => (status === 404 ? '404' : `${status} ${body}`.trimEnd())),
    ['200 old', '204', '404', '200', '200 new'],
  )
})

for (const [name, length, coded] of [
  ['with a wrong signature', 'content-length: 3', 'abc'],
  ['with a wrong signature in chunks', 'transfer-encoding: chunked', '3\r\nabc\r\n0\r\n\r\n'],
  ['with an empty coding before the chunks', 'transfer-encoding: ,chunked', '3\r\nabc\r\n0\r\n\r\n'],
  ['with another coding before the chunks', 'transfer-encoding: identity, chunked', '3\r\nabc\r\n0\r\n\r\n'],
] as const) {
  test(`a refused PUT ${name} closes the connection, and no request behind it runs`, async ({ house }) => {
    const key = length.includes(',') ? house.alice : { ...house.alice, secretAccessKey: 'no' }
    const { headers } = signV4({ method: 'PUT', target: '/alice/x', body: 'abc' }, { key })
    const { 'content-length': _, ...rest } = headers
    const lines = ['PUT /alice/x HTTP/1.1', ...Object.entries(rest).map((each) => each.join(': ')), length, '', coded]
    const { log } = house
    const logged = log.length
    const all = await answers(house, `${lines.join('\r\n')}${hidden(house)}`)
    assert.equal(
      all.map(({ status, headers: { connection } }) => [status >= 400, connection]),
      [[true, 'close']],
    )
    assert.is(outcomeOf(await exchange(house.port, signed(house, { target: '/alice/kept' }))), '200')
    assert.not.match(log.slice(logged).join(), 'DELETE')
  })
}

test('a connection is kept after an error without a body, and closed if the client asks', async ({ house }) => {
  const wire = await openWire(house.port)
  for (const target of ['/alice/none', '/alice/%zz', '/alice/kept']) {
    const request = signed(house, { target: '/alice/none' })
    wire.send(bytesOf(target === '/alice/kept' ? signed(house, { target }) : { ...request, target }))
    assert.is.not((await wire.response())?.headers.connection, 'close')
  }
  wire.send(bytesOf(signed(house, { target: '/alice/kept', headers: { connection: 'close' } })))
  assert.is((await wire.response())?.headers.connection, 'close')
  assert.is(await wire.response(), undefined)
  wire.close()
})

test('HTTP/1.0, without a Host or any other header', async ({ house }) => {
  const old = await exchange(house.port, { ...signed(house, { target: '/alice/kept' }), version: '1.0' })
  assert.equal([old.status, old.body], [200, 'kept'])
  assert.is(outcomeOf(await exchange(house.port, { target: '/alice/kept', version: '1.0' })), '403 AccessDenied')
  assert.is((await exchange(house.port, { target: '/alice/kept' })).status, 400)
})

test('two Host headers are refused, although V2 signs neither', async ({ house }) => {
  const { headers } = signV2({ target: '/alice/kept' }, house.alice, '/alice/kept')
  const once = await exchange(house.port, { target: '/alice/kept', headers })
  assert.is(once.body, 'kept')
  const twice = await exchange(house.port, {
    target: '/alice/kept',
    headers: [...Object.entries(headers), ['Host', 'other']],
  })
  assert.is(outcomeOf(twice), '400 InvalidRequest')
})

test('a second Host after a thousand headers, where Node drops it, is refused', async ({ house }) => {
  const { headers } = signV2({ target: '/alice/kept' }, house.alice, '/alice/kept')
  const filling = Array.from({ length: 1100 }, (_, index) => [`a${index.toString(36)}`, ''] as const)
  for (const before of [filling.length, 995, 900, 10]) {
    const all = [...Object.entries(headers), ...filling.slice(0, before), ['Host', 'other'] as const]
    assert.is(outcomeOf(await exchange(house.port, { target: '/alice/kept', headers: all })), '400 InvalidRequest')
  }
})

for (const coding of [
  'gzip, chunked',
  'identity, chunked',
  'chunked, chunked',
  'gzip,chunked',
  'gzip',
  'identity',
  'chunked, gzip',
]) {
  test(`a Transfer-Encoding of ${coding} is not implemented, and its content is not stored`, async ({ house }) => {
    const request = signed(house, { method: 'PUT', target: '/alice/coded', body: 'x' })
    const { 'content-length': _, ...headers } = request.headers
    const wire = await openWire(house.port)
    const head = { ...request, headers: { ...headers, 'transfer-encoding': coding }, body: '1\r\nx\r\n0\r\n\r\n' }
    wire.send(bytesOf(head))
    const response = await wire.response()
    assert.is(response && outcomeOf(response), '501 NotImplemented')
    assert.is(xmlText(response as RawResponse, 'Header'), 'Transfer-Encoding')
    assert.is(await wire.response(), undefined)
    wire.close()
    assert.is(await stored(house, 'alice', '/coded'), undefined)
  })
}

for (const [name, line] of [
  ['a negative Content-Length', 'content-length: -1'],
  ['an empty Content-Length', 'content-length:'],
  ['a Content-Length of 30 digits', `content-length: ${'9'.repeat(30)}`],
  ['a control character in a header', 'x-amz-meta-a: \u0001'],
  ['a header without a colon', 'x'],
] as const) {
  test(`${name} is refused in S3's XML`, async ({ house }) => {
    const [response, ...more] = await answers(house, `PUT /alice/x HTTP/1.1\r\nhost: h\r\n${line}\r\n\r\n`)
    assert.is(response && outcomeOf(response), '400 BadRequest')
    assert.is(response?.headers.connection, 'close')
    assert.is(more.length, 0)
  })
}

test("a chunk without a size is refused in S3's XML, and what came before it is not stored", async ({ house }) => {
  const { headers, ...request } = signed(house, { method: 'PUT', target: '/alice/coded', body: 'x' })
  const { 'content-length': _, ...others } = headers
  const head = { ...request, headers: { ...others, 'transfer-encoding': 'chunked' }, body: '1\r\nx\r\nno\r\n' }
  const [response, ...more] = await answers(house, bytesOf(head))
  assert.is(response && outcomeOf(response), '400 BadRequest')
  assert.is(more.length, 0)
  assert.is(await stored(house, 'alice', '/coded'), undefined)
})

test('the error of an unreadable request is not the response to the one before it', async ({ house }) => {
  const first = bytesOf(signed(house, { target: '/alice/kept' })).toString('latin1')
  for (const second of ['x\r\n\r\n', 'PUT /alice/x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\nx']) {
    assert.equal(await answers(house, first + second, 2), [])
  }
})

test('a Transfer-Encoding of HTTP/1.0 is refused, and its content is not stored', async ({ house }) => {
  const request = signed(house, { method: 'PUT', target: '/alice/old', body: 'x' })
  const { 'content-length': _, ...headers } = request.headers
  const chunked = { ...request, headers: { ...headers, 'transfer-encoding': 'chunked' }, body: '1\r\nx\r\n0\r\n\r\n' }
  const wire = await openWire(house.port)
  wire.send(bytesOf(chunked).toString('latin1').replace('HTTP/1.1', 'HTTP/1.0'))
  assert.is((await wire.response())?.status, 400)
  wire.close()
  assert.is(await stored(house, 'alice', '/old'), undefined)
})

test('an absolute-form target is the same request', async ({ house }) => {
  const request = signed(house, { target: '/alice/kept' })
  for (const origin of ['http://gateway.example', 'https://elsewhere.example:8080', 'HTTP://user@h']) {
    const { status, body } = await exchange(house.port, { ...request, target: `${origin}/alice/kept` })
    assert.equal([status, body], [200, 'kept'])
  }
  assert.is(
    outcomeOf(await exchange(house.port, { ...request, target: 'http://gateway.example/alice/none' })),
    '403 SignatureDoesNotMatch',
  )
})

for (const [method, target, expected] of [
  ['OPTIONS', '*', '400 InvalidURI'],
  ['TRACE', '/alice/kept', '405 MethodNotAllowed'],
  ['PATCH', '/alice/kept', '405 MethodNotAllowed'],
  ['PROPFIND', '/alice', '405 MethodNotAllowed'],
  ['POST', '/alice/kept', '405 MethodNotAllowed'],
  ['POST', '/', '405 MethodNotAllowed'],
  ['DELETE', '/', '405 MethodNotAllowed'],
  ['GET', '//kept', '400 InvalidBucketName'],
  ['GET', '///', '400 InvalidBucketName'],
  ['GET', '/alice//', '404 NoSuchKey'],
  ['GET', '/?x=%zz', '400 InvalidURI'],
] as const) {
  test(`${method} ${target} is ${expected}`, async ({ house }) => {
    const request = signed(house, { method, target: target.startsWith('/') && !target.includes('%') ? target : '/' })
    assert.is(outcomeOf(await exchange(house.port, { ...request, target })), expected)
    assert.is(await stored(house, 'alice', '/kept'), 'kept')
  })
}

test('CONNECT and unknown methods are closed', async ({ house }) => {
  for (const line of ['CONNECT h:80 HTTP/1.1', 'NONSENSE / HTTP/1.1', 'GET', 'GET / HTTP/9.9', '\u0016\u0003\u0001']) {
    const all = await answers(house, `${line}\r\nhost: h\r\n\r\n`)
    assert.ok(
      all.every(({ status }) => status >= 400),
      line,
    )
  }
})

test('an unexpected body is ignored, and the next request is unaffected', async ({ house }) => {
  for (const [method, target] of [
    ['GET', '/alice/kept'],
    ['HEAD', '/alice/kept'],
    ['DELETE', '/alice/none'],
  ] as const) {
    const wire = await openWire(house.port)
    wire.send(bytesOf(signed(house, { method, target, body: 'x'.repeat(300_000) })))
    assert.ok(((await wire.response(method === 'HEAD'))?.status ?? 500) < 300)
    wire.send(bytesOf(signed(house, { target: '/alice/kept' })))
    assert.is((await wire.response())?.body, 'kept')
    wire.close()
  }
})

test('bytes beyond ASCII in a header, a target and a query', async ({ house }) => {
  const meta = signed(house, {
    method: 'PUT',
    target: '/alice/meta',
    body: 'x',
    headers: { 'x-amz-meta-a': 'h\u00e9\u00ff' },
  })
  assert.match(outcomeOf(await exchange(house.port, meta)), /^(200|501 NotImplemented)$/)
  const raw = Buffer.from('é').toString('latin1')
  await exchange(house.port, signed(house, { method: 'PUT', target: '/alice/%C3%A9', body: 'accent' }))
  const request = signed(house, { target: '/alice/%C3%A9' })
  const read = await exchange(house.port, { ...request, target: `/alice/${raw}` })
  assert.match(outcomeOf(read), /^(200|400)/)
  if (read.status === 200) assert.is(read.body, 'accent')
})

test('a target beyond any limit', async ({ house }) => {
  const longer = { target: `/${'a'.repeat(100_000)}`, headers: { host: 'h' } }
  assert.is(outcomeOf(await exchange(house.port, longer)), '400 RequestHeaderSectionTooLarge')
  const long = signed(house, { target: `/alice/${'a'.repeat(10_000)}` })
  assert.is(outcomeOf(await exchange(house.port, long)), '400 KeyTooLongError')
})

test('malformed forms and policies', async ({ house }) => {
  const policy = (text: string) => Buffer.from(text).toString('base64')
  const field = (name: string, value: string) =>
    `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const file = '--X\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--X--\r\n'
  const bodies = [
    '',
    'x',
    '--X',
    '--X--\r\n',
    file,
    field('key', 'k') + file,
    field('key', 'k') + field('key', 'l') + file,
    field('key', 'k'.repeat(30_000)) + file,
    `--X\r\n${'a: b\r\n'.repeat(10_000)}`,
    field('__proto__', 'k') + file,
    ...[
      '',
      '{',
      '[]',
      'null',
      '5',
      '{"expiration":5}',
      '{"expiration":"2099-01-01T00:00:00Z","conditions":{}}',
      `${'['.repeat(5000)}`,
    ].map(
      (text) =>
        field('key', 'k') +
        field('policy', policy(text)) +
        field('AWSAccessKeyId', 'AKALICE') +
        field('signature', 'x') +
        file,
    ),
    field('key', 'k') + field('policy', '!!!') + field('signature', 'x') + file,
  ]
  for (const body of bodies) {
    for (const contentType of [
      'multipart/form-data; boundary=X',
      'multipart/form-data',
      `multipart/form-data; boundary=${'x'.repeat(200)}`,
    ]) {
      const headers = { host: 'h', 'content-type': contentType, 'content-length': String(Buffer.byteLength(body)) }
      const response = await exchange(house.port, { method: 'POST', target: '/alice', headers, body })
      assert.ok(response.status >= 400 && response.status < 500, `${outcomeOf(response)} for ${body.slice(0, 200)}`)
    }
  }
  assert.is(await stored(house, 'alice', '/k'), undefined)
})

test.run()
