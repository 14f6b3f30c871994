import { suite } from 'uvu'
import { crowd } from './support/crowd.js'
import { mixedLoad } from './support/mixed-load.js'

const load = suite('load, the long runs')

load('2,000 connections at once', () => crowd(2000))

load('10,000 mixed requests in two minutes leak nothing', () => mixedLoad({ requests: 10_000, milliseconds: 120_000 }))

load.run()
