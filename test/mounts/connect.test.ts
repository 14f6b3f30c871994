import { testMount } from './mount.js'

testMount('connect')
