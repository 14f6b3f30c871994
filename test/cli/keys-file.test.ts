import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readKeysFile } from '../../lib/cli/keys-file.js'
import { createScratch } from './scratch.js'

const test = suite('the keys file')
const scratch = createScratch()
test.after(() => scratch.remove())

for (const [content, message] of [
  ['{"AK": secret-text}', /is not JSON$/],
  ['[]', /is not a JSON object/],
  ['{}', /contains no access keys/],
  ['{"": {"secretAccessKey": "s"}}', /"" is not a valid access key/],
  ['{"AK": "secret-text"}', /"AK" is not an object/],
  ['{"AK": {}}', /"AK" has no secretAccessKey/],
  ['{"AK": {"secretAccessKey": ""}}', /"AK" has no secretAccessKey/],
  ['{"AK": {"secretAccessKey": 1}}', /"AK" has no secretAccessKey/],
  ['{"AK": {"secretAccessKey": "secret-text", "authToken": ""}}', /"AK" has an invalid authToken/],
  ['{"AK": {"secretAccessKey": "secret-text", "token": "t"}}', /"AK" has an unknown property "token"/],
] as const) {
  test(`refused: ${content}`, () => {
    const path = scratch.file('keys.json', content)
    assert.throws(
      () => readKeysFile(path),
      (error: Error) => {
        assert.match(error.message, message)
        assert.not.match(error.message, 'secret-text')
        return error.name === 'Fault'
      },
    )
  })
}

test('a missing file is named', () => {
  assert.throws(
    () => readKeysFile('/no/such/file'),
    /cannot read the keys file \/no\/such\/file: there is no such file/,
  )
})

test('keys with and without a token', () => {
  const path = scratch.file(
    'keys.json',
    '{"A": {"secretAccessKey": "s", "authToken": "t"}, "__proto__": {"secretAccessKey": "p"}}',
  )
  assert.equal(
    [...readKeysFile(path)],
    [
      ['A', { secretAccessKey: 's', authToken: 't' }],
      ['__proto__', { secretAccessKey: 'p' }],
    ],
  )
})

test.run()
