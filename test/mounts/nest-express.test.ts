import { testMount } from './mount.js'

testMount('nest-express', ['/s3', '/some/where'])
