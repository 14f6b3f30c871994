import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runTestFile } from './test-file.js'

const test = suite('the runner of a test file')
const limits = { runMilliseconds: 60_000, exitMilliseconds: 60_000 }

function run(fixture: string, limitsOfRun = limits) {
  return runTestFile(fileURLToPath(new URL(`fixtures/${fixture}.js`, import.meta.url)), limitsOfRun)
}

test('counts what passed', async () => {
  const { passed, failed, reason } = await run('passes')
  assert.equal({ passed, failed, reason }, { passed: 2, failed: 0, reason: '' })
})

test('counts what failed and keeps what it printed', async () => {
  const result = await run('fails')
  assert.equal([result.passed, result.failed], [1, 1])
  assert.match(result.output, 'this line is shown')
})

for (const [fixture, passed, reason] of [
  ['does-not-run', 0, /ran no tests/],
  ['crashes', 0, /ran no tests/],
  ['hook-throws', 0, /1 of 1 tests did not pass/],
  ['skips', 1, /1 tests were skipped/],
] as const) {
  test(`fails a file that ${fixture}`, async () => {
    const result = await run(fixture)
    assert.equal([result.passed, result.failed], [passed, 1])
    assert.match(result.reason, reason)
  })
}

test('fails a file whose process does not exit after its tests', async () => {
  const result = await run('leaks', { ...limits, exitMilliseconds: 100 })
  assert.equal([result.passed, result.failed], [1, 1])
  assert.match(result.reason, /left open/)
})

test('fails a file that hangs', async () => {
  const result = await run('hangs', { ...limits, runMilliseconds: 2000 })
  assert.equal([result.passed, result.failed], [0, 1])
  assert.match(result.reason, /did not end/)
})

test.run()
