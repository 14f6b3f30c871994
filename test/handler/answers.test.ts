import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { bytesOf, exchange, openWire, outcomeOf, type RawRequest, type RawResponse } from '../support/wire.js'

/** Headers that S3 clients rely on in every response. */
const test = suite<{ gateway: Gateway; ask: (request: RawRequest) => Promise<RawResponse> }>('answers')

test.before(async (context) => {
  context.gateway = await startGateway()
  const ask = (request: RawRequest) => {
    const length = request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }
    return exchange(context.gateway.port, { ...request, headers: { host: 'h', ...length, ...request.headers } })
  }
  context.ask = ask
  await ask({ method: 'PUT', target: '/images' })
  await ask({ method: 'PUT', target: '/images/a', body: 'content' })
})

test.after(({ gateway }) => gateway.close())

const everyKind: readonly (readonly [expected: number, request: RawRequest])[] = [
  [200, { target: '/' }],
  [200, { target: '/images' }],
  [200, { target: '/images?location' }],
  [200, { target: '/images/a' }],
  [206, { target: '/images/a', headers: { range: 'bytes=1-2' } }],
  [304, { target: '/images/a', headers: { 'if-none-match': '*' } }],
  [412, { target: '/images/a', headers: { 'if-match': '"x"' } }],
  [416, { target: '/images/a', headers: { range: 'bytes=100-' } }],
  [404, { target: '/images/none' }],
  [404, { target: '/none/x' }],
  [400, { target: '/images/%zz' }],
  [501, { target: '/images/a?torrent' }],
  [405, { method: 'PATCH', target: '/images' }],
  [403, { method: 'OPTIONS', target: '/images', headers: { origin: 'o', 'access-control-request-method': 'GET' } }],
  [200, { method: 'HEAD', target: '/images' }],
  [200, { method: 'HEAD', target: '/images/a' }],
  [404, { method: 'HEAD', target: '/images/none' }],
  [200, { method: 'PUT', target: '/images/b', body: 'b' }],
  [204, { method: 'DELETE', target: '/images/b' }],
  [409, { method: 'DELETE', target: '/images' }],
]

for (const [expected, request] of everyKind) {
  test(`${request.method ?? 'GET'} ${request.target} is ${expected}, with the common headers`, async ({ ask }) => {
    const { status, headers, body } = await ask(request)
    assert.is(status, expected)
    assert.match(headers['x-amz-request-id'] ?? '', /^[0-9A-F]{16}$/)
    assert.is(Number.isNaN(Date.parse(headers.date ?? '')), false)
    assert.is(headers['transfer-encoding'], undefined)
    if (status === 204 || status === 304) {
      assert.equal([headers['content-length'], headers['content-type'], body], [undefined, undefined, ''])
    } else if (request.method === 'HEAD') {
      assert.match(headers['content-length'] ?? '', /^\d+$/)
    } else {
      assert.is(headers['content-length'], String(Buffer.byteLength(body)))
    }
    if (status < 400 || request.method === 'HEAD') return
    assert.is(headers['content-type'], 'application/xml')
    const path = request.target.replace(/\?.*/, '')
    assert.match(body, /^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>\w+<\/Code><Message>[^<]+<\/Message>/)
    assert.match(body, `<Resource>${path}</Resource><RequestId>${headers['x-amz-request-id']}</RequestId></Error>`)
  })
}

test('each response has a unique request id', async ({ ask }) => {
  const ids = await Promise.all(
    Array.from({ length: 20 }, async () => (await ask({ target: '/' })).headers['x-amz-request-id']),
  )
  assert.is(new Set(ids).size, 20)
})

test('a response to HEAD has the headers of GET and no body', async ({ gateway, ask }) => {
  const get = await ask({ target: '/images/a' })
  const wire = await openWire(gateway.port)
  for (const method of ['HEAD', 'HEAD', 'GET'])
    wire.send(bytesOf({ method, target: '/images/a', headers: { host: 'h' } }))
  const [first, second, third] = [await wire.response(true), await wire.response(true), await wire.response()]
  wire.close()
  const without = ({ 'x-amz-request-id': _, date: __, ...headers }: RawResponse['headers']) => headers
  assert.equal(without(first?.headers ?? {}), without(get.headers))
  assert.equal(without(second?.headers ?? {}), without(get.headers))
  assert.is(third?.body, 'content')
})

test('an internal failure is a 500 without details, and is reported to onError', async () => {
  const told: string[] = []
  const pfs = createMemoryPfs()
  pfs.listRepo = () => {
    throw new Error('the password is 123')
  }
  const gateway = await startGateway({
    pfs,
    options: { onError: (error, context) => told.push(`${String(error)} at ${context?.target}`) },
  })
  const response = await exchange(gateway.port, { target: '/?max-buckets=5', headers: { host: 'h' } })
  await gateway.close()
  assert.is(outcomeOf(response), '500 InternalError')
  assert.not.match(response.body, '123')
  assert.equal(told, ['Error: the password is 123 at /?max-buckets=5'])
})

for (const [how, onError] of [
  ['throws', () => assert.unreachable('the log is full')],
  ['rejects', async () => assert.unreachable('the log is full')],
] as const) {
  test(`a hook that ${how} about records that follow a write ends nothing, and they are written later`, async () => {
    const pfs = createMemoryPfs()
    const { modifyFile } = pfs
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    let isBroken = true
    const written: string[] = []
    pfs.modifyFile = async (commit, operations, options) => {
      if (commit.repo.type !== 'meta') return modifyFile(commit, operations, options)
      if (isBroken) throw new PfsError('INTERNAL', 'the disk is full')
      written.push(commit.branch ?? '')
      return modifyFile(commit, operations, options)
    }
    const gateway = await startGateway({ pfs, options: { onError } })
    const headers = { host: 'h', 'content-length': '7' }
    await exchange(gateway.port, { method: 'PUT', target: '/images', headers: { host: 'h' } })
    const response = await exchange(gateway.port, { method: 'PUT', target: '/images/a', headers, body: 'content' })
    assert.is(outcomeOf(response), '200')
    assert.is((await warned).message, 'the log is full')
    isBroken = false
    await gateway.flush()
    assert.equal(written, ['s3-records'])
    await gateway.close()
  })
}

test('onResponse is called once per request, with its status and code', async () => {
  const entries: string[] = []
  const gateway = await startGateway({
    options: {
      onResponse: ({ method, target, status, code, milliseconds }) => {
        assert.ok(milliseconds >= 0)
        entries.push(`${method} ${target} ${status} ${code ?? ''}`)
      },
    },
  })
  const wire = await openWire(gateway.port)
  for (const target of ['/', '/none/x']) wire.send(bytesOf({ target, headers: { host: 'h' } }))
  await wire.response()
  await wire.response()
  wire.close()
  await gateway.close()
  assert.equal(entries, ['GET / 200 ', 'GET /none/x 404 NoSuchBucket'])
})

test('a hook that throws, synchronously or not, causes a warning and does not change the response', async () => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error): number => warnings.push(message)
  process.on('warning', onWarning)
  const pfs = createMemoryPfs()
  pfs.listRepo = () => {
    throw new Error('no list')
  }
  const gateway = await startGateway({
    pfs,
    options: {
      onError: () => {
        throw new Error('the log is full')
      },
      onResponse: async () => {
        throw new Error('the meter is broken')
      },
    },
  })
  const response = await exchange(gateway.port, { target: '/', headers: { host: 'h' } })
  await gateway.close()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', onWarning)
  assert.is(outcomeOf(response), '500 InternalError')
  assert.equal(warnings.sort(), ['the log is full', 'the meter is broken'])
})

test('maxBodyBytes: a larger body is refused before it is sent, or as soon as it is larger, and nothing is written', async () => {
  const gateway = await startGateway({ options: { maxBodyBytes: 10 } })
  const ask = (method: string, target: string, headers: Record<string, string> = {}, body?: string) =>
    exchange(gateway.port, { method, target, headers: { host: 'h', ...headers }, ...(body !== undefined && { body }) })
  await ask('PUT', '/images')
  const wire = await openWire(gateway.port)
  const announced = { host: 'h', 'content-length': '11', expect: '100-continue' }
  wire.send(bytesOf({ method: 'PUT', target: '/images/announced', headers: announced }))
  const refused = await wire.response()
  wire.close()
  assert.equal([refused?.status, /<Code>(\w+)/.exec(refused?.body ?? '')?.[1]], [400, 'EntityTooLarge'])
  assert.match(refused?.body ?? '', '<ProposedSize>11</ProposedSize><MaxSizeAllowed>10</MaxSizeAllowed>')
  const chunked = { 'transfer-encoding': 'chunked', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
  const streamed = await ask('PUT', '/images/chunked', chunked, '6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n')
  assert.is(outcomeOf(streamed), '400 EntityTooLarge')
  assert.is((await ask('PUT', '/images/fits', { 'content-length': '10' }, '0123456789')).status, 200)
  assert.match((await ask('GET', '/images')).body, /<Key>fits<\/Key>(?!.*<Key>)/s)
  await gateway.close()
})

test.run()
