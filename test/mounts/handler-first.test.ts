import { testMount } from './mount.js'

testMount('handler-first', ['/s3', '/some/where'])
