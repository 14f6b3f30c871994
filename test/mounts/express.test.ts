import { testMount } from './mount.js'

testMount('express')
