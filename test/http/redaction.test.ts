import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loggableTarget, withoutControls } from '../../lib/http/redaction.js'

const test = suite('redaction of logs')

for (const [target, shown] of [
  ['/b/k', '/b/k'],
  ['/b?list-type=2&prefix=a', '/b?list-type=2&prefix=a'],
  ['/b/k?X-Amz-Signature=abc&X-Amz-Date=1', '/b/k?X-Amz-Signature=...&X-Amz-Date=1'],
  ['/b/k?X-Amz-Credential=token/2026', '/b/k?X-Amz-Credential=...'],
  ['/b/k?x-amz-security-token=t', '/b/k?x-amz-security-token=...'],
  ['/b/k?AWSAccessKeyId=token&Signature=abc%3D&Expires=1', '/b/k?AWSAccessKeyId=...&Signature=...&Expires=1'],
  ['/b/k?X%2DAmz%2DSignature=abc', '/b/k?X%2DAmz%2DSignature=...'],
  ['/b/k?X%252DAmz-Signature=abc', '/b/k?X%252DAmz-Signature=...'],
  ['/b/k?%=1', '/b/k?%=1'],
  // Malformed: the query in the path, its separators encoded, another escape broken.
  ['/b/k&X-Amz-Signature=abc', '/b/k&X-Amz-Signature=...'],
  ['/b/k%3FX-Amz-Signature%3Dabc%26a=b', '/b/k%3FX-Amz-Signature%3D...%26a=b'],
  ['/b/k?a=%zz&AWSAccessKeyId=token', '/b/k?a=%zz&AWSAccessKeyId=...'],
  ['/b/k?Signature=a=b;AWSAccessKeyId=token', '/b/k?Signature=...'],
  ['/b/k?a=1;AWSAccessKeyId=to;k%23en&b=2', '/b/k?a=1;AWSAccessKeyId=...&b=2'],
  ['/b/\x1b[2J\x9b', '/b/%1B[2J%9B'],
  ['/b/\xe2\x80\xae', '/b/%E2%80%AE'],
] as const) {
  test(`20: redaction of ${JSON.stringify(target)}`, () => {
    assert.is(loggableTarget(target), shown)
  })
}

test('20: control characters are escaped', () => {
  assert.is(withoutControls('a\x1b\x9b\u202eb\u2066\n'), 'a\\u001b\\u009b\\u202eb\\u2066\\u000a')
})

test.run()
