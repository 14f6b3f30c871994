import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createContentCache } from '../../lib/operations/content-cache.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { createFaultyPfs } from '../faults/support/faulty-pfs.js'
import { ask } from '../support/ask.js'
import { startGateway } from '../support/gateway.js'

const test = suite('cache of small files')
const share = 10_000
const total = 16 * share
/** With the 600 bytes that each takes beside its content, a sixteenth of the whole. */
const size = share - 600

function hashOf(file: number): Uint8Array {
  return new Uint8Array(32).fill(file)
}

test('stores at most a sixteenth of its size per content', () => {
  const cache = createContentCache(total)
  const [most, more] = [new Uint8Array(share), new Uint8Array(share + 1)]
  cache.set(hashOf(1), 'token', most)
  cache.set(hashOf(2), 'token', more)
  assert.equal(cache.get(hashOf(1), 'token'), most)
  assert.is(cache.get(hashOf(2), 'token'), undefined)
})

test('content that is not stored evicts nothing', () => {
  const cache = createContentCache(total)
  for (let file = 0; file < 16; file++) cache.set(hashOf(file), 'token', new Uint8Array(size))
  cache.set(hashOf(16), 'token', new Uint8Array(share + 1))
  for (let file = 0; file < 16; file++) assert.is(cache.get(hashOf(file), 'token')?.length, size)
})

test('stores at most its size, and evicts the least recently used content', () => {
  const cache = createContentCache(total)
  for (let file = 0; file < 16; file++) cache.set(hashOf(file), 'token', new Uint8Array(size))
  assert.is(cache.get(hashOf(0), 'token')?.length, size)
  cache.set(hashOf(16), 'token', new Uint8Array(1))
  const held = Array.from({ length: 17 }, (_, file) => cache.get(hashOf(file), 'token')?.length)
  assert.equal(held, [size, undefined, ...Array(14).fill(size), 1])
})

test('never gives a caller the content that another caller has read', () => {
  const tokens = ['alice', 'bob', undefined]
  for (const owner of tokens) {
    const cache = createContentCache(total)
    const content = new Uint8Array(Buffer.from('content'))
    cache.set(hashOf(1), owner, content)
    for (const token of tokens) assert.equal(cache.get(hashOf(1), token), token === owner ? content : undefined)
  }
})

test('identifies a file by the bytes of its hash, in any buffer', () => {
  const cache = createContentCache(total)
  const around = new Uint8Array(64).fill(1, 16, 48)
  cache.set(around.subarray(16, 48), 'token', Buffer.from('content'))
  assert.is(Buffer.from(cache.get(hashOf(1), 'token') ?? '').toString(), 'content')
  assert.is(cache.get(around.subarray(0, 32), 'token'), undefined)
  const high = [new Uint8Array(32).fill(0xe9), new Uint8Array(32).fill(0xff)] as const
  cache.set(high[0], 'token', Buffer.from('other'))
  assert.equal(cache.get(high[1], 'token'), undefined)
})

test('answers the second read of a small object without PFS, at the front door', async () => {
  const pfs = createFaultyPfs(createMemoryPfs())
  const gateway = await startGateway({ pfs: pfs.client })
  await ask(gateway.port, 'PUT', '/cached')
  await ask(gateway.port, 'PUT', '/cached/object', 'content')
  const bodies: string[] = []
  for (let read = 0; read < 3; read++) {
    bodies.push((await ask(gateway.port, 'GET', '/cached/object')).body.toString())
  }
  await gateway.close()
  assert.equal(bodies, ['content', 'content', 'content'])
  assert.is(pfs.calls.get('getFile'), 1)
})

test('with a size of 0 stores nothing', () => {
  const cache = createContentCache(0)
  cache.set(hashOf(1), 'token', new Uint8Array(1))
  assert.is(cache.get(hashOf(1), 'token'), undefined)
})

test.run()
