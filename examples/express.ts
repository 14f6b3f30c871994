import express from 'express'
import { createMemoryPfs, createS3Handler } from 'pfs-s3-gateway'

const basePath = process.env.BASE_PATH ?? '/s3'
const s3 = createS3Handler(createMemoryPfs({ rootToken: 'root-token' }), { mode: 'pachyderm' })

const app = express()
app.get('/health', (_req, res) => {
  res.send('healthy')
})
app.use(basePath || '/', s3)
// Body parsers come after the gateway: it streams, and checks the bytes as they were signed.
app.use(express.json())

export const server = app.listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
// An upload may take longer than the five minutes that Node allows a request.
server.requestTimeout = 0
