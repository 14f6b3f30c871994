import { createServer } from 'node:http'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { basePath, onError: console.error })

export const server = createServer((req, res) => {
  if (req.url === '/health') res.end('healthy')
  else s3(req, res)
})
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Lets a client that sends `Expect: 100-continue` wait with its body until the signature is verified.
server.on('checkContinue', s3.checkContinue)
// Node responds to any other Expect header with a 417 that S3 clients do not understand; S3 ignores it.
server.on('checkExpectation', s3)

server.listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
