import express from 'express'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { onError: console.error })

const app = express()
app.get('/health', (_req, res) => {
  res.send('healthy')
})
// Express keeps the URL that the client signed as originalUrl, so no basePath is needed.
app.use(basePath || '/', s3)
// Body parsers come after the gateway: it streams, and checks the bytes as they were signed.
app.use(express.json())

export const server = app.listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', app)
