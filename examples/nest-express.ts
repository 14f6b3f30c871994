import 'reflect-metadata'
import type { Server } from 'node:http'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createS3Handler } from 'pfs-s3-gateway'
import { createMemoryPfs } from 'pfs-s3-gateway/testing'

const basePath = process.env.BASE_PATH ?? '/s3'
const pfs = createMemoryPfs({ rootToken: 'root-token' })
const s3 = createS3Handler(pfs, { mode: 'pachyderm' }, { onError: console.error })

@Controller()
class HealthController {
  @Get('health')
  health() {
    return 'healthy'
  }
}

@Module({ controllers: [HealthController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })
// Nest adds its body parsers after the handlers that `use` has mounted.
app.use(basePath || '/', s3)
export const server: Server = await app.listen(Number(process.env.PORT ?? 30600), '127.0.0.1')
// An upload may take longer than the five minutes that Node allows for a request.
server.requestTimeout = 0
// Without this, Node responds to an Expect header other than 100-continue with a bare 417.
server.on('checkExpectation', (req, res) => server.emit('request', req, res))
