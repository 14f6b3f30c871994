import { createServer } from 'node:http'
import connect from 'connect'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { onError: console.error })

const app = connect()
app.use('/health', (_req, res) => {
  res.end('healthy')
})
// The same line mounts the gateway in Vite's dev server: `server.middlewares.use('/s3', s3)`.
app.use(basePath || '/', s3)

export const server = createServer(app).listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', app)
