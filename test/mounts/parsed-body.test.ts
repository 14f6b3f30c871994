import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Hapi from '@hapi/hapi'
import express from 'express'
import Fastify from 'fastify'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'

const test = suite('a body that the framework has parsed')

async function handlerWithBucket() {
  const pfs = createMemoryPfs()
  const repo = { project: 'default', name: 'images', type: 'user' } as const
  await pfs.createRepo({ repo })
  await pfs.createBranch({ branch: { repo, name: 'master' } })
  return createS3Handler(pfs, { mode: 'none' })
}

async function putJson(server: Server, body: string): Promise<{ status: number; text: string }> {
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/master.images/key`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body,
  })
  return { status: answer.status, text: await answer.text() }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

for (const [name, parser] of [
  ['express.json', express.json()],
  ['express.raw', express.raw({ type: '*/*' })],
  ['express.text', express.text({ type: '*/*' })],
] as const) {
  for (const body of ['{"a":1}', '{}']) {
    test(`${name} before the handler: an error with the solution, for ${body}`, async () => {
      const app = express()
      app.use(parser)
      app.use(await handlerWithBucket())
      const server = app.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { status, text } = await putJson(server, body)
      await close(server)
      assert.is(status, 400)
      assert.match(text, '<Code>InvalidRequest</Code>')
      assert.match(text, /before body parsers/)
    })
  }
}

test("fastify's own parsers: the same error", async () => {
  const s3 = await handlerWithBucket()
  const app = Fastify()
  app.all('/*', async (request, reply) => {
    reply.hijack()
    await s3(request.raw, reply.raw)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { status, text } = await putJson(app.server, '{"a":1}')
  await close(app.server)
  assert.is(status, 400)
  assert.match(text, /before body parsers/)
})

test("hapi's default payload options: an error that names the right ones", async () => {
  const s3 = await handlerWithBucket()
  const app = Hapi.server({ port: 0, host: '127.0.0.1' })
  app.route({
    method: '*',
    path: '/{key*}',
    async handler(request, h) {
      await s3(request.raw.req, request.raw.res)
      return h.abandon
    },
  })
  await app.start()
  const { status, text } = await putJson(app.listener, '{"a":1}')
  await app.stop({ timeout: 0 })
  assert.is(status, 400)
  assert.match(text, 'payload.parse to false and payload.output to stream')
})

test('a parser on another path does no harm', async () => {
  const app = express()
  app.use('/api', express.json())
  app.use(await handlerWithBucket())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { status } = await putJson(server, '{"a":1}')
  await close(server)
  assert.is(status, 200)
})

test.run()
