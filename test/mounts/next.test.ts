import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'

const test = suite('the handler first, the framework as its next')

/** Apps that answer `POST /echo` with the JSON of its body, parsed for every path. */
const apps: Readonly<Record<string, () => Promise<RequestListener>>> = {
  express: async () =>
    express()
      .use(express.json())
      .post('/echo', (req, res) => void res.json(req.body)),
  koa: async () =>
    new Koa()
      .use(async (ctx) => {
        let text = ''
        for await (const chunk of ctx.req.setEncoding('utf8')) text += chunk
        ctx.body = JSON.parse(text)
      })
      .callback(),
  fastify: async () => {
    const app = Fastify()
    app.post('/echo', async (request) => request.body)
    await app.ready()
    return app.routing
  },
}

for (const [name, createApp] of Object.entries(apps)) {
  test(`${name}: the framework parses its own bodies, but not those of S3`, async () => {
    const rest = await createApp()
    const s3 = createS3Handler(createMemoryPfs(), { mode: 'none' }, { basePath: '/s3' })
    const server = createServer((req, res) => s3(req, res, () => rest(req, res))).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const json = { headers: { 'content-type': 'application/json' }, body: '{"a":1}' }

    await fetch(`${origin}/s3/master.images`, { method: 'PUT' })
    const put = await fetch(`${origin}/s3/master.images/a.json`, { method: 'PUT', ...json })
    assert.is(put.status, 200)
    assert.is(await (await fetch(`${origin}/s3/master.images/a.json`)).text(), json.body)
    const echoed = await fetch(`${origin}/echo`, { method: 'POST', ...json })
    assert.is(await echoed.text(), json.body)

    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
}

test.run()
