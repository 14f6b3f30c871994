import { testMount } from './mount.js'

testMount('nest-fastify', ['/s3', '/some/where'])
