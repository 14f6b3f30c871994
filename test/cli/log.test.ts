import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createLog } from '../../lib/cli/serve.js'
import type { ResponseLog } from '../../lib/index.js'

const test = suite('the log')
const entry: ResponseLog = {
  method: 'GET',
  target: '/master.images/a.txt',
  status: 404,
  code: 'NoSuchKey',
  requestId: 'R1',
  milliseconds: 12.4,
  time: new Date(0),
  bytesIn: 0,
  bytesOut: 0,
  pfsMilliseconds: 3,
  pfsCalls: 1,
}

function written(format: 'json' | 'pretty', logged: ResponseLog): string {
  const lines: string[] = []
  createLog(
    format,
    (line) => lines.push(line),
    () => new Date(0),
  )?.(logged)
  return lines.join('')
}

test('json: one object per line', () => {
  const text = written('json', entry)
  assert.ok(text.endsWith('}\n'))
  assert.equal(JSON.parse(text), { ...entry, time: '1970-01-01T00:00:00.000Z' })
})

test('pretty: one readable line', () => {
  assert.is(written('pretty', entry), '1970-01-01T00:00:00.000Z 404 GET /master.images/a.txt 12ms R1 NoSuchKey\n')
})

test('off: no log function', () => {
  assert.is(
    createLog('off', () => {}),
    undefined,
  )
})

test.run()
