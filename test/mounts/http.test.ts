import { testMount } from './mount.js'

testMount('http')
