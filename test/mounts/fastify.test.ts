import { testMount } from './mount.js'

testMount('fastify')
