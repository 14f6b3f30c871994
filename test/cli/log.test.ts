import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createLog, withoutSecrets } from '../../lib/cli/log.js'
import type { ResponseLog } from '../../lib/index.js'

const test = suite('the log')
const entry: ResponseLog = {
  method: 'GET',
  target: '/master.images/a.txt',
  status: 404,
  code: 'NoSuchKey',
  requestId: 'R1',
  milliseconds: 12.4,
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

test('json: one object a line', () => {
  const text = written('json', entry)
  assert.ok(text.endsWith('}\n'))
  assert.equal(JSON.parse(text), { time: '1970-01-01T00:00:00.000Z', ...entry })
})

test('pretty: one line to read', () => {
  assert.is(written('pretty', entry), '1970-01-01T00:00:00.000Z 404 GET /master.images/a.txt 12ms R1 NoSuchKey\n')
})

test('off: nothing to call', () => {
  assert.is(
    createLog('off', () => {}),
    undefined,
  )
})

test('pretty: no control character reaches a terminal', () => {
  assert.match(written('pretty', { ...entry, target: '/b/\x1b[2J\x9b' }), ' /b/%1B[2J%C2%9B ')
})

for (const [target, shown] of [
  ['/b/k', '/b/k'],
  ['/b?list-type=2&prefix=a', '/b?list-type=2&prefix=a'],
  ['/b/k?X-Amz-Signature=abc&X-Amz-Date=1', '/b/k?X-Amz-Signature=...&X-Amz-Date=1'],
  ['/b/k?X-Amz-Credential=token/2026', '/b/k?X-Amz-Credential=...'],
  ['/b/k?x-amz-security-token=t', '/b/k?x-amz-security-token=...'],
  ['/b/k?AWSAccessKeyId=token&Signature=abc%3D&Expires=1', '/b/k?AWSAccessKeyId=...&Signature=...&Expires=1'],
  ['/b/k?X%2DAmz%2DSignature=abc', '/b/k?X%2DAmz%2DSignature=...'],
  ['/b/k?%=1', '/b/k?%=1'],
] as const) {
  test(`what is shown of ${target}`, () => {
    assert.is(withoutSecrets(target), shown)
  })
}

test.run()
