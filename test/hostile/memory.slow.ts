import { connect, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { branch, bucket } from '../faults/support/branch.js'
import { type GatewayProcess, startGatewayProcess } from '../faults/support/gateway-process.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Key, signedChunkBytes, signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, outcomeOf, type RawResponse, xmlText } from '../support/wire.js'

/** README.md, Availability: the number before a test's name is that of the class. docs/security.md has the bounds. */
const test = suite<{ gateway: GatewayProcess; uploadId: string; close: () => Promise<void> }>('memory')

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

const rootToken = 'the-root-token'
const key: Key = { accessKeyId: rootToken, secretAccessKey: rootToken }

/** Free memory that Node and V8 may keep; a process that has been busy keeps it, too. */
const spareBytes = 24 * mebibyte

/** A request that never ends. */
interface Pending {
  /** Its head, and as much of its body as is sent. */
  readonly bytes: Buffer
  readonly connections: number
}

/** Bytes as the chunks of an HTTP body, of `size` bytes each; the last chunk does not come. */
function inChunks(body: Uint8Array, size = 1): Buffer {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size)
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
  }
  return Buffer.concat(chunks)
}

/** The head of a request that is signed with the root token, and the beginning of its body. */
function begun(method: string, target: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Buffer {
  const payloadHash = headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD'
  const { body: _, ...signed } = signV4({ method, target, headers, body: '' }, { key, payloadHash })
  return Buffer.concat([bytesOf(signed), body])
}

const chunked = { 'transfer-encoding': 'chunked' }

function streamed(kind: string, length: number, trailer = ''): Readonly<Record<string, string>> {
  return {
    ...chunked,
    'x-amz-content-sha256': `STREAMING-${kind}`,
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(length),
    ...(trailer !== '' && { 'x-amz-trailer': trailer }),
  }
}

/** Unsigned aws-chunked content in chunks of one byte. */
function tinyAwsChunks(length: number): Buffer {
  return Buffer.from('1\r\na\r\n'.repeat(length))
}

const small = `/${bucket}/small`

function signedTinyChunks(length: number): Buffer {
  const head = streamed('AWS4-HMAC-SHA256-PAYLOAD', length + 1)
  const request = signV4(
    { method: 'PUT', target: small, headers: head, body: '' },
    { key, payloadHash: head['x-amz-content-sha256'] ?? '' },
  )
  const { body: _, ...signed } = request
  const chunks = Array.from({ length }, () => Buffer.from('a'))
  // Without the last chunk, of no bytes.
  const body = signedChunkBytes(request, key, chunks).subarray(0, -(2 + 2 + 17 + 64))
  return Buffer.concat([bytesOf(signed), inChunks(body, 10)])
}

function xml(root: string, element: (index: number) => string, bytes: number): Buffer {
  let text = `<${root}>`
  for (let index = 1; text.length < bytes; index++) text += element(index)
  return Buffer.from(text)
}

const formHead = '--b\r\ncontent-disposition: form-data; name='
const formHeaders = { host: 'h', ...chunked, 'content-type': 'multipart/form-data; boundary=b' }

function form(body: string): Buffer {
  return Buffer.concat([
    bytesOf({ method: 'POST', target: `/${bucket}`, headers: formHeaders }),
    inChunks(Buffer.from(body)),
  ])
}

const pending: Readonly<Record<string, (uploadId: string) => Pending>> = {
  'a small body in chunks of one byte within aws-chunked': () => ({
    bytes: begun(
      'PUT',
      small,
      streamed('UNSIGNED-PAYLOAD-TRAILER', 64 * kibibyte),
      inChunks(Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(64 * kibibyte - 10)])),
    ),
    connections: 2,
  }),
  'a small body in aws-chunks of one byte': () => ({
    bytes: begun(
      'PUT',
      small,
      streamed('UNSIGNED-PAYLOAD-TRAILER', 32 * kibibyte + 1),
      inChunks(tinyAwsChunks(32 * kibibyte), 3),
    ),
    connections: 2,
  }),
  'a small body in signed aws-chunks of one byte': () => ({ bytes: signedTinyChunks(4 * kibibyte), connections: 2 }),
  'a large body in chunks of one byte': () => ({
    bytes: begun('PUT', small, chunked, inChunks(Buffer.alloc(64 * kibibyte))),
    connections: 2,
  }),
  'a part of an upload in aws-chunks of one byte': (uploadId) => ({
    bytes: begun(
      'PUT',
      `${small}?partNumber=1&uploadId=${uploadId}`,
      streamed('UNSIGNED-PAYLOAD-TRAILER', 32 * kibibyte + 1),
      inChunks(tinyAwsChunks(32 * kibibyte), 3),
    ),
    connections: 2,
  }),
  'a trailer in chunks of one byte': () => ({
    bytes: begun(
      'PUT',
      small,
      streamed('UNSIGNED-PAYLOAD-TRAILER', 1, 'x-amz-checksum-crc32'),
      inChunks(Buffer.from(`1\r\na\r\n0\r\nx-amz-checksum-crc32:${' '.repeat(15 * kibibyte)}`)),
    ),
    connections: 10,
  }),
  'one field of a form in chunks of one byte, not signed': () => ({
    bytes: form(`${formHead}"policy"\r\n\r\n${'a'.repeat(20_000)}`),
    connections: 10,
  }),
  'many fields of a form in chunks of one byte, not signed': () => ({
    bytes: form(Array.from({ length: 340 }, (_, index) => `${formHead}"${index.toString(36)}"\r\n\r\n\r\n`).join('')),
    connections: 10,
  }),
  'keys of a multi-delete in chunks of one byte': () => ({
    bytes: begun(
      'POST',
      `/${bucket}?delete`,
      chunked,
      inChunks(xml('Delete', () => '<Object><Key>a</Key></Object>', 28_000)),
    ),
    connections: 10,
  }),
  'a key of a multi-delete that does not end': () => ({
    bytes: begun(
      'POST',
      `/${bucket}?delete`,
      chunked,
      inChunks(Buffer.from(`<Delete><Object><Key>${'&amp;'.repeat(20_000)}`), 3),
    ),
    connections: 10,
  }),
  'parts of a completion': (uploadId) => ({
    bytes: begun(
      'POST',
      `${small}?uploadId=${uploadId}`,
      { 'content-length': String(8 * mebibyte) },
      xml(
        'CompleteMultipartUpload',
        (index) => `<Part><PartNumber>${index}</PartNumber><ETag>a</ETag></Part>`,
        200 * kibibyte,
      ),
    ),
    connections: 8,
  }),
  'space in a completion': (uploadId) => ({
    bytes: begun(
      'POST',
      `${small}?uploadId=${uploadId}`,
      { 'content-length': String(8 * mebibyte) },
      Buffer.concat([Buffer.from('<CompleteMultipartUpload>'), Buffer.alloc(2 * mebibyte, ' ')]),
    ),
    connections: 2,
  }),
  'a tag that does not end': () => ({
    bytes: begun('POST', `/${bucket}?delete`, chunked, inChunks(Buffer.from(`<Delete a="${'b'.repeat(1500)}`), 1)),
    connections: 100,
  }),
  'nothing of 8 MB that are announced': () => ({
    bytes: begun('PUT', small, { 'content-length': String(8_000_000) }, Buffer.alloc(0)),
    connections: 60,
  }),
  'one byte of the largest small body that is announced': () => ({
    bytes: begun('PUT', small, { 'content-length': String(mebibyte) }, Buffer.alloc(1)),
    connections: 100,
  }),
}

async function send({ bytes, connections }: Pending, { port }: GatewayProcess): Promise<readonly Socket[]> {
  return Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined).on('data', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(bytes)
      return socket
    }),
  )
}

async function leave(sockets: readonly Socket[], gateway: GatewayProcess): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await gateway.idle()
}

/** Sends requests that never end, and compares the memory and CPU of the gateway with the bytes that it has received. */
async function requireBounds(gateway: GatewayProcess, request: Pending): Promise<void> {
  // The first time, code is compiled and V8's heap grows to what such a load needs.
  const first = await send(request, gateway)
  await gateway.received(request.bytes.length * request.connections)
  await leave(first, gateway)
  const before = await gateway.measure()
  const sockets = await send(request, gateway)
  const received = await gateway.received(request.bytes.length * request.connections)
  const during = await gateway.measure()
  assert.ok(
    sockets.every((socket) => !socket.destroyed),
    'no sender was refused',
  )
  await leave(sockets, gateway)
  let after = await gateway.measure()
  // A garbage collection may come before the last socket has let go of its request.
  for (let again = 0; again < 5 && after.bytes - before.bytes > 4 * mebibyte; again += 1)
    after = await gateway.measure()

  const bound = 3 * received + request.connections * 64 * kibibyte
  const held = during.bytes - before.bytes
  const resident = during.residentBytes - before.residentBytes
  const processor = during.processorMilliseconds - before.processorMilliseconds
  assert.ok(held <= bound, `${held} bytes are held of ${received} in ${request.connections} connections`)
  assert.ok(resident <= bound + spareBytes, `${resident} bytes are resident of ${received}`)
  assert.ok(processor <= received * 0.02 + request.connections * 5, `${processor} ms for ${received} bytes`)
  assert.ok(after.bytes - before.bytes <= 4 * mebibyte, `${after.bytes - before.bytes} bytes stay`)
  assert.is(after.files, before.files)
  assert.equal(after.errors, [])
}

test.before(async (context) => {
  const pfs = createMemoryPfs({ rootToken })
  await createRepoAndBranch(pfs, branch, rootToken)
  const served = await servePfs(pfs, '127.0.0.1:0')
  const gateway = await startGatewayProcess({ address: served.address, mode: 'pachyderm', options: {} })
  const upload = await exchange(gateway.port, signV4({ method: 'POST', target: `${small}?uploads=` }, { key }))
  context.gateway = gateway
  context.uploadId = encodeURIComponent(xmlText(upload, 'UploadId'))
  context.close = async () => {
    await gateway.stop()
    await served.close({ force: true })
  }
})

test.after(({ close }) => close())

for (const [name, requestOf] of Object.entries(pending)) {
  test(`33: ${name}: memory grows little more than the received bytes`, ({ gateway, uploadId }) =>
    requireBounds(gateway, requestOf(uploadId)))
}

test('33: long invalid tokens leak nothing', async ({ gateway }) => {
  const invented = (index: number): Key => {
    const word = `${index}-${'a'.repeat(12 * kibibyte)}`
    return { accessKeyId: word, secretAccessKey: word }
  }
  const ask = async (index: number): Promise<void> => {
    const answer = await exchange(gateway.port, signV4({ target: '/' }, { key: invented(index) }))
    assert.is(outcomeOf(answer), '403 InvalidAccessKeyId')
  }
  await ask(0)
  const before = await gateway.measure()
  for (let index = 1; index <= 1000; index++) await ask(index)
  await gateway.idle()
  const after = await gateway.measure()
  assert.ok(after.bytes - before.bytes <= 4 * mebibyte, `${after.bytes - before.bytes} bytes stay of 12 MB`)
})

test('33: unexpected XML of 8 MB is refused at its first element', async ({ gateway, uploadId }) => {
  const body = Buffer.from(`<CompleteMultipartUpload>${'<a/>'.repeat(2 * mebibyte)}`)
  const head = begun('POST', `${small}?uploadId=${uploadId}`, { 'content-length': String(body.length) }, body)
  const before = await gateway.measure()
  const wires = await Promise.all(Array.from({ length: 4 }, () => openWire(gateway.port)))
  for (const wire of wires) wire.send(head)
  for (const wire of wires) assert.is(outcomeOf((await wire.response()) as RawResponse), '400 MalformedXML')
  for (const wire of wires) wire.close()
  await gateway.idle()
  const after = await gateway.measure()
  assert.ok(
    after.residentBytes - before.residentBytes <= spareBytes,
    String(after.residentBytes - before.residentBytes),
  )
})

test.run()
