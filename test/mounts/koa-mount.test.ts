import { testMount } from './mount.js'

testMount('koa-mount')
