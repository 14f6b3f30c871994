import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { basePath, onError: console.error })

const app = new Hono().get('/health', (c) => c.text('healthy'))
// Any framework gives such a listener: `express()`, Koa's `app.callback()`, Fastify's `app.routing`, Next's `getRequestHandler()`.
const rest = getRequestListener(app.fetch)

// The gateway handles requests below basePath; the framework gets all others unchanged.
const listener: typeof rest = (req, res) => s3(req, res, () => rest(req, res))

export const server = createServer(listener).listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', listener)
