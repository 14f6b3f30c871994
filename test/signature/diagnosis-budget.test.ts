import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HttpRequest } from '../../lib/http/request.js'
import { limitDiagnoses } from '../../lib/signature/diagnosis.js'

const test = suite('the budget for diagnoses')

test('34: ten at once, then one a second, none for a long request', () => {
  let now = 0
  const diagnose = limitDiagnoses(() => now)
  const request = { method: 'GET', rawPath: '/b/k', rawQuery: '', query: new Map(), headers: new Map() }
  let signed = 0
  const work = (rawPath: string): boolean => {
    const before = signed
    diagnose({ ...request, rawPath } as unknown as HttpRequest, () => {
      signed += 1
      return false
    })
    return signed > before
  }
  const tenths = Array.from({ length: 12 }, () => work('/b/k'))
  assert.is(tenths.filter(Boolean).length, 10)
  now = 1000
  assert.equal([work('/b/k'), work('/b/k')], [true, false])
  now = 100_000
  assert.is(work(`/${'k'.repeat(5000)}`), false)
})

test.run()
