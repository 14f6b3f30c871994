import { readFileSync } from 'node:fs'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { basePath, onError: console.error })

const tls = {
  cert: readFileSync(process.env.TLS_CERT ?? 'cert.pem'),
  key: readFileSync(process.env.TLS_KEY ?? 'key.pem'),
}
// Most S3 clients speak only HTTP/1.1; an upload with it may take longer than the five minutes that Node allows.
export const server = Object.assign(createSecureServer({ ...tls, allowHTTP1: true }, listener), { requestTimeout: 0 })
server.on('checkContinue', s3.checkContinue)
server.on('checkExpectation', s3)

function listener(req: Http2ServerRequest, res: Http2ServerResponse): void {
  if (req.url === '/health') res.end('healthy')
  else s3(req, res)
}

server.listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
