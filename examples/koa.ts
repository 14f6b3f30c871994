import Koa from 'koa'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { basePath, onError: console.error })

const app = new Koa()
app.use(async (ctx, next) => {
  if (ctx.path !== '/health') return next()
  ctx.body = 'healthy'
})
app.use(async (ctx, next) => {
  // Both /s3 and /s3/ list the buckets.
  if (!`${ctx.path}/`.startsWith(`${basePath}/`)) return next()
  // The gateway sends the response instead of Koa.
  ctx.respond = false
  await s3(ctx.req, ctx.res)
})

export const server = app.listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', app.callback())
