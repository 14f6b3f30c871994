import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deferred } from '../support/deferred.js'
import { type Key, presignV4, type Signed, signV4, type Unsigned } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf, type RawResponse, type Wire } from '../support/wire.js'
import { ask, type House, openHouse, stored } from './house.js'

/** README.md, Availability: the number before a test's name is that of the class. */
const test = suite<{ house: House }>('availability')

test.before(async (context) => {
  context.house = await openHouse('keys', { bodyTimeoutMilliseconds: 500 })
})

test.after(({ house }) => house.close())

/** A request whose body is announced and signed as anything. */
function announced(key: Key, target: string, headers: Readonly<Record<string, string>>, method = 'PUT'): Signed {
  return signV4({ method, target, headers, body: '' }, { key, payloadHash: 'UNSIGNED-PAYLOAD' })
}

async function isAlive(house: House): Promise<void> {
  assert.is(outcomeOf(await ask(house, { target: '/alice?max-keys=0' })), '200')
}

/** Sends without end until the other side stops taking it; how many bytes that were. */
async function pour(wire: Wire, piece: string, most: number): Promise<number> {
  let sent = 0
  while (sent < most && (await wire.sent(piece))) sent += piece.length
  return sent
}

test('28: chunked bodies without Content-Length, also for requests without a body', async ({ house }) => {
  const body = '5\r\nhello\r\n0\r\n\r\n'
  const headers = { 'transfer-encoding': 'chunked' }
  for (const [method, target] of [
    ['PUT', '/alice/chunked'],
    ['PUT', '/alice'],
    ['POST', '/alice?delete'],
    ['GET', '/alice'],
    ['DELETE', '/alice/chunked'],
    ['HEAD', '/alice'],
    ['OPTIONS', '/alice'],
  ] as const) {
    const response = await exchange(house.port, { ...announced(house.alice, target, headers, method), body })
    assert.ok(response.status < 500, `${method} ${target}: ${response.status}`)
  }
  await isAlive(house)
})

for (const [name, body] of [
  ['a size that is none', 'xyz\r\nhello\r\n0\r\n\r\n'],
  ['a size that overflows', 'fffffffffffffffff\r\nhello'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['no line end after a chunk', '5\r\nhelloXX0\r\n\r\n'],
] as const) {
  test(`28: HTTP chunks with ${name}`, async ({ house }) => {
    const wire = await openWire(house.port)
    wire.send(bytesOf({ ...announced(house.alice, '/alice/bad-chunks', { 'transfer-encoding': 'chunked' }), body }))
    const response = await wire.response()
    assert.ok(response === undefined || response.status === 400, String(response?.status))
    wire.close()
    assert.is(await stored(house, 'alice', '/bad-chunks'), undefined)
    await isAlive(house)
  })
}

test('29: a body is not read before its signature has been checked', async ({ house }) => {
  const forged = { ...house.alice, secretAccessKey: 'wrong' }
  for (const [method, target] of [
    ['PUT', '/alice/forged'],
    ['POST', '/alice?delete'],
    ['PUT', '/made'],
  ] as const) {
    const wire = await openWire(house.port)
    wire.send(bytesOf(announced(forged, target, { 'content-length': '100000000' }, method)))
    assert.is(outcomeOf((await wire.response()) as RawResponse), '403 SignatureDoesNotMatch')
    wire.close()
  }
})

test('29: the rest of a refused body is drained for a while, then the connection is closed', async ({ house }) => {
  const forged = { ...house.alice, secretAccessKey: 'wrong' }
  const wire = await openWire(house.port)
  wire.send(bytesOf(announced(forged, '/alice/forged', { 'transfer-encoding': 'chunked' })))
  const response = await wire.response()
  assert.equal([response?.status, response?.headers.connection], [403, 'close'])
  const megabyte = `100000\r\n${'x'.repeat(0x100000)}\r\n`
  const taken = await pour(wire, megabyte, 2 ** 30)
  assert.ok(taken >= 15 * 2 ** 20, 'a client that sends on can read its answer')
  assert.ok(taken < 2 ** 27, 'what is thrown away is bounded')
  wire.close()
})

test('29: XML is refused beyond one mebibyte, whatever its announced length', async ({ house }) => {
  const xml = `<Delete>${'<Object><Key>kept</Key></Object>'.repeat(40_000)}</Delete>`
  assert.is(outcomeOf(await ask(house, { method: 'POST', target: '/alice?delete', body: xml })), '400 MalformedXML')
  const started = await ask(house, { method: 'POST', target: '/alice/upload?uploads' })
  const uploadId = /<UploadId>([^<]+)/.exec(started.body)?.[1] ?? ''
  for (const [method, target] of [
    ['POST', '/alice?delete'],
    ['PUT', '/made'],
    ['POST', `/alice/upload?uploadId=${encodeURIComponent(uploadId)}`],
  ] as const) {
    const wire = await openWire(house.port)
    wire.send(bytesOf(announced(house.alice, target, { 'content-length': '1000000000' }, method)))
    wire.send(`<x>${' '.repeat(9_000_000)}`)
    const response = await wire.response()
    assert.is(outcomeOf(response as RawResponse), '400 MalformedXML', target)
    wire.close()
  }
})

for (const [name, xml] of [
  [
    'entities in entities',
    `<!DOCTYPE l [<!ENTITY a "aaaaaaaa"><!ENTITY b "${'&a;'.repeat(9)}"><!ENTITY c "${'&b;'.repeat(9)}">]><Delete>&c;</Delete>`,
  ],
  ['a hundred thousand levels', '<a>'.repeat(100_000)],
  ['a long comment', `<Delete><!--${'-'.repeat(200_000)}--></Delete>`],
  ['a long name', `<${'D'.repeat(200_000)}/>`],
  ['a thousand attributes', `<Delete ${Array.from({ length: 20_000 }, (_, index) => `a${index}="b"`).join(' ')}/>`],
  ['a hundred thousand elements', `<Delete>${'<x/>'.repeat(100_000)}</Delete>`],
  ['escapes in a key', `<Delete><Object><Key>${'%25'.repeat(300_000)}</Key></Object></Delete>`],
  ['a processing instruction', `<?${'x'.repeat(200_000)}?><Delete/>`],
] as const) {
  test(`29: XML with ${name} is refused at low cost`, async ({ house }) => {
    const response = await ask(house, { method: 'POST', target: '/alice?delete', body: xml })
    assert.match(outcomeOf(response), /^(400 MalformedXML|200 KeyTooLongError)$/)
  })
}

test('29: ten thousand parameters, and the maximum number of headers', async ({ house }) => {
  const wide = Array.from({ length: 2500 }, (_, index) => `${index.toString(36)}=`).join('&')
  assert.is(outcomeOf(await ask(house, { target: `/alice?${wide}` })), '200')
  const wider = Array.from({ length: 10_000 }, (_, index) => `${index.toString(36)}=`).join('&')
  assert.is(
    outcomeOf(await exchange(house.port, { target: `/alice?${wider}`, headers: { host: 'h' } })),
    '400 RequestHeaderSectionTooLarge',
  )
  const many = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`x-amz-meta-${index}`, '']))
  const put = await ask(house, { method: 'PUT', target: '/alice/many', body: 'x', headers: many })
  assert.match(outcomeOf(put), /^(200|400 \w+)$/)
  const manyMore = Object.fromEntries(Array.from({ length: 2100 }, (_, index) => [`a${index}`, '']))
  const unsigned = {
    target: '/alice',
    headers: { ...signV4({ target: '/alice' }, { key: house.alice }).headers, ...manyMore },
  }
  assert.match(outcomeOf(await exchange(house.port, unsigned)), /^(200|400 \w+|403 \w+)$/)
  await isAlive(house)
})

test('29: patterns in client input cost little', async ({ house }) => {
  await ask(house, { method: 'PUT', target: '/alice/object', body: 'content' })
  const long = 9000
  const requests: readonly Unsigned[] = [
    { target: '/alice/object', headers: { range: `bytes=${' '.repeat(long)}x` } },
    { target: '/alice/object', headers: { range: `bytes=0-${' '.repeat(long)}x` } },
    { target: '/alice/object', headers: { 'if-none-match': '"a",'.repeat(long / 4) } },
    { target: '/alice/object', headers: { 'if-modified-since': '('.repeat(long) } },
    { target: `/alice?prefix=${'%2525'.repeat(long / 5)}` },
    { target: `/alice?list-type=2&delimiter=${'%2525'.repeat(long / 5)}` },
    { target: `/alice?marker=${'%2525'.repeat(long / 5)}` },
    { target: `/alice?versions&key-marker=${'%2525'.repeat(long / 5)}&prefix=${'/'.repeat(1000)}` },
    { target: `/${'a.'.repeat(long / 2)}b/x` },
    { target: `/master${'^'.repeat(5000)}.alice/x` },
    { method: 'PUT', target: '/alice/copy', headers: { 'x-amz-copy-source': `/alice/${'%2525'.repeat(long / 5)}` } },
    { method: 'PUT', target: '/alice/copy', headers: { 'x-amz-copy-source': '/'.repeat(long) } },
  ]
  for (const request of requests) {
    const response = await ask(house, request)
    assert.ok(response.status < 500, `${request.target.slice(0, 40)}: ${outcomeOf(response)}`)
  }
})

for (const [name, head, start] of [
  ['of announced length', { 'content-length': '2000' }, 'x'],
  ['in one commit of its own', { 'content-length': '9000000' }, 'x'],
  ['in chunks', { 'transfer-encoding': 'chunked' }, '1\r\nx\r\n'],
  ['that never begins', { 'content-length': '2000' }, ''],
] as const) {
  test(`30: a body ${name} that stalls times out`, async ({ house }) => {
    const wire = await openWire(house.port)
    wire.send(bytesOf(announced(house.alice, '/alice/slow', head)))
    wire.send(start)
    const response = await wire.response()
    assert.equal([outcomeOf(response as RawResponse), response?.headers.connection], ['400 RequestTimeout', 'close'])
    wire.close()
    assert.is(await stored(house, 'alice', '/slow'), undefined)
  })
}

test('30: XML that stalls times out', async ({ house }) => {
  const wire = await openWire(house.port)
  wire.send(bytesOf(announced(house.alice, '/alice?delete', { 'content-length': '2000' }, 'POST')))
  wire.send('<Delete>')
  assert.is(outcomeOf((await wire.response()) as RawResponse), '400 RequestTimeout')
  wire.close()
})

test('30: a form that stalls times out', async ({ house }) => {
  const wire = await openWire(house.port)
  const headers = { host: 'h', 'content-type': 'multipart/form-data; boundary=X', 'content-length': '2000' }
  wire.send(bytesOf({ method: 'POST', target: '/alice', headers, body: '--X\r\n' }))
  assert.is(outcomeOf((await wire.response()) as RawResponse), '400 RequestTimeout')
  wire.close()
})

test('30: slow senders, even if they fill the body memory, do not block others', async () => {
  const house = await openHouse('keys')
  const slow: Wire[] = []
  for (let count = 0; count < 260; count += 1) {
    const wire = await openWire(house.port)
    const headers = { 'content-length': String(2 ** 20), expect: '100-continue' }
    wire.send(bytesOf(announced(house.alice, `/alice/slow/${count}`, headers)))
    slow.push(wire)
  }
  for (const wire of slow) assert.is((await wire.response())?.status, 100)
  assert.is(outcomeOf(await ask(house, { method: 'PUT', target: '/alice/quick', body: 'x'.repeat(1000) })), '200')
  assert.is(outcomeOf(await ask(house, { method: 'PUT', target: '/alice/large', body: 'x'.repeat(2_000_000) })), '200')
  for (const wire of slow) wire.close()
  await house.close()
})

test('33: slow senders that fill the body memory leave room for small bodies, and get SlowDown for more', async () => {
  const house = await openHouse('keys', { maxBufferedBytes: 4 * 2 ** 20 })
  const content = 'x'.repeat(2 ** 20 - 1)
  const slow: Wire[] = []
  for (let count = 0; count < 8; count += 1) {
    const wire = await openWire(house.port)
    wire.send(bytesOf(announced(house.alice, `/alice/slow/${count}`, { 'content-length': String(2 ** 20) })))
    await wire.sent(content)
    slow.push(wire)
  }
  // Three of them are held; the others are refused as their bytes arrive.
  const refused = await Promise.race(slow.map((wire) => wire.response()))
  assert.is(outcomeOf(refused as RawResponse), '503 SlowDown')
  const outcome = async (name: string, length: number): Promise<string> =>
    outcomeOf(await ask(house, { method: 'PUT', target: `/alice/${name}`, body: 'x'.repeat(length) }))
  assert.is(await outcome('quick', 1000), '200')
  assert.is(await outcome('large', 2_000_000), '200', 'sent on as it comes')
  assert.is(await outcome('middle', 1_000_000), '503 SlowDown')
  const before = house.log.length
  for (const wire of slow) wire.close()
  while ((await outcome('middle', 1_000_000)) !== '200') await house.logged(before + 1)
  await house.close()
})

/** Counts the calls to PFS. */
function watchReads(house: House): { readonly open: () => number; readonly bytes: () => number } {
  const { getFile } = house.pfs
  let open = 0
  let bytes = 0
  house.pfs.getFile = async function* (request, options) {
    open += 1
    try {
      for await (const chunk of getFile(request, options)) {
        bytes += chunk.length
        yield chunk
      }
    } finally {
      open -= 1
    }
  }
  return { open: () => open, bytes: () => bytes }
}

test('30: a client that leaves in the middle of its body or response leaks nothing', async () => {
  const house = await openHouse('keys')
  const reads = watchReads(house)
  await ask(house, { method: 'PUT', target: '/alice/large', body: 'x'.repeat(30_000_000) })
  const before = house.log.length
  for (let round = 0; round < 5; round += 1) {
    const sender = await openWire(house.port)
    sender.send(bytesOf(announced(house.alice, '/alice/left', { 'content-length': '9000000' })))
    await sender.sent('x'.repeat(2_000_000))
    const reader = await openWire(house.port)
    reader.send(bytesOf(signV4({ target: '/alice/large' }, { key: house.alice })))
    await reader.some()
    sender.close()
    reader.close()
  }
  await house.logged(before + 10)
  const entries = house.log.slice(before).map((entry) => JSON.parse(entry) as { status: number })
  assert.equal(
    entries.map(({ status }) => status),
    Array(10).fill(499),
  )
  await isAlive(house)
  assert.is(await stored(house, 'alice', '/left'), undefined)
  assert.is(reads.open(), 0)
  await house.close()
})

test('30: a reader that does not read fills no memory', async () => {
  const house = await openHouse('keys')
  const reads = watchReads(house)
  await ask(house, { method: 'PUT', target: '/alice/huge', body: 'x'.repeat(60_000_000) })
  const wire = await openWire(house.port)
  wire.pause()
  wire.send(bytesOf(presignV4({ target: '/alice/huge' }, { key: house.alice })))
  // Until nothing is asked for while others are answered.
  for (let before = -1; before < reads.bytes() || before === 0; ) {
    before = reads.bytes()
    for (let others = 0; others < 20; others += 1) await isAlive(house)
  }
  assert.ok(reads.bytes() < 30_000_000, `${reads.bytes()} bytes were asked of PFS`)
  wire.close()
  await house.close()
})

/** A house whose ListBuckets waits for `release`. */
async function openSlowHouse() {
  const house = await openHouse('keys')
  const { listRepo } = house.pfs
  const [reached, released] = [deferred(), deferred()]
  house.pfs.listRepo = async function* (request, options) {
    reached.resolve()
    await released.promise
    yield* listRepo(request, options)
  }
  return { house, reached: reached.promise, release: released.resolve }
}

test('33: a connection on which many requests wait behind a slow one is closed', async () => {
  const { house, reached, release } = await openSlowHouse()
  const wire = await openWire(house.port)
  wire.send(bytesOf(signV4({ target: '/' }, { key: house.alice })))
  await reached
  const most = 64 * 1024 * 1024
  const taken = await pour(wire, 'GET /alice/kept HTTP/1.1\r\nhost: h\r\n\r\n'.repeat(2000), most)
  assert.ok(taken < most, `${taken} bytes were taken`)
  assert.is(await wire.response(), undefined)
  wire.close()
  release()
  await isAlive(house)
  await house.close()
})

test('33: requests that wait behind a slow one are answered in order, and so are those that follow', async () => {
  const { house, reached, release } = await openSlowHouse()
  const wire = await openWire(house.port)
  const lists = (from: number) => {
    const targets = Array.from({ length: 20 }, (_, index) => `/alice?prefix=${from + index}`)
    return Buffer.concat(targets.map((target) => bytesOf(signV4({ target }, { key: house.alice }))))
  }
  wire.send(bytesOf(signV4({ target: '/' }, { key: house.alice })))
  wire.send(lists(0))
  await reached
  wire.send(lists(20))
  release()
  assert.match((await wire.response())?.body ?? '', 'ListAllMyBucketsResult')
  for (let index = 0; index < 40; index += 1) {
    assert.match((await wire.response())?.body ?? '', `<Prefix>${index}</Prefix>`)
  }
  wire.close()
  await house.close()
})

test.run()
