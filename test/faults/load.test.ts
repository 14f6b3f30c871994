import { suite } from 'uvu'
import { crowd } from './support/crowd.js'
import { mixedLoad } from './support/mixed-load.js'

const load = suite('load, the short runs')

load('300 connections at once', () => crowd(300))

load('900 mixed requests leak nothing', () => mixedLoad({ requests: 900, milliseconds: 0 }))

load.run()
