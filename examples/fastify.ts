import Fastify from 'fastify'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { basePath, onError: console.error })

const app = Fastify()
app.get('/health', async () => 'healthy')
app.register(
  async (scope) => {
    // No parser in this scope reads the body: it stays a stream.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    // Both /s3 and /s3/ list the buckets.
    for (const path of ['/', '/*']) {
      scope.all(path, async (request, reply) => {
        reply.hijack()
        await s3(request.raw, reply.raw)
      })
    }
  },
  { prefix: basePath },
)

await app.listen({ port: Number(process.env.PORT ?? 30600), host: '127.0.0.1' })
export const server = app.server
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', app.routing)
