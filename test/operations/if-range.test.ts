import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { exchange } from '../support/wire.js'

const ranges = suite<{ gateway: Gateway; etag: string; lastModified: string }>('If-Range')

ranges.before(async (context) => {
  context.gateway = await startGateway()
  const { port } = context.gateway
  await exchange(port, { method: 'PUT', target: '/images', headers: { host: 'h' } })
  const headers = { host: 'h', 'content-length': '10' }
  await exchange(port, { method: 'PUT', target: '/images/a', headers, body: '0123456789' })
  const head = await exchange(port, { method: 'HEAD', target: '/images/a', headers: { host: 'h' } })
  context.etag = head.headers.etag ?? ''
  context.lastModified = head.headers['last-modified'] ?? ''
})

ranges.after(({ gateway }) => gateway.close())

async function bodyOf({ port }: Gateway, ifRange: string): Promise<string> {
  const headers = { host: 'h', range: 'bytes=2-4', 'if-range': ifRange }
  return (await exchange(port, { target: '/images/a', headers })).body
}

ranges('a range applies if the client has a part of the same object', async ({ gateway, etag, lastModified }) => {
  assert.is(await bodyOf(gateway, etag), '234')
  assert.is(await bodyOf(gateway, lastModified), '234')
})

ranges('the whole object is sent to a client with a part of another', async ({ gateway }) => {
  for (const ifRange of ['"foo"', '"foo-3000"', '"3000"', 'Sun, 06 Nov 1994 08:49:37 GMT', '3000', 'Jan 1 3000']) {
    assert.is(await bodyOf(gateway, ifRange), '0123456789', ifRange)
  }
})

ranges.run()
