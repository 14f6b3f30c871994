import { testMount } from './mount.js'

testMount('hapi')
