import Fastify from 'fastify'
import { createMemoryPfs, createS3Handler } from 'pfs-s3-gateway'

const basePath = process.env.BASE_PATH ?? '/s3'
const s3 = createS3Handler(createMemoryPfs({ rootToken: 'root-token' }), { mode: 'pachyderm' }, { basePath })

const app = Fastify()
app.get('/health', async () => 'healthy')
app.register(
  async (scope) => {
    // No parser in this scope reads the body: it stays a stream.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/*', async (request, reply) => {
      reply.hijack()
      await s3(request.raw, reply.raw)
    })
  },
  { prefix: basePath },
)

await app.listen({ port: Number(process.env.PORT ?? 30600), host: '127.0.0.1' })
export const server = app.server
