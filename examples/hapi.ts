import Hapi from '@hapi/hapi'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { basePath, onError: console.error })

const app = Hapi.server({ port: Number(process.env.PORT ?? 30600), host: '127.0.0.1' })
app.route({ method: 'GET', path: '/health', handler: () => 'healthy' })
app.route({
  method: '*',
  path: `${basePath}/{key*}`,
  options: {
    // The body is a stream of any type, length and duration, which hapi's defaults would refuse.
    payload: { output: 'stream', parse: false, maxBytes: Number.MAX_SAFE_INTEGER, timeout: false },
  },
  async handler(request, h) {
    await s3(request.raw.req, request.raw.res)
    return h.abandon
  },
})

await app.start()
export const server = app.listener
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', (req, res) => server.emit('request', req, res))
