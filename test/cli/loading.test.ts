import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/root.js'

const test = suite('loaded modules')

/** A loader that writes the URL of each module on standard error. */
const hooks = `
  import { writeSync } from 'node:fs'
  export async function load(url, context, next) {
    writeSync(2, url + '\\n')
    return next(url, context)
  }
`
const register = `
  import { register } from 'node:module'
  register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
`
const preload = `data:text/javascript,${encodeURIComponent(register)}`

/** The packages that Node imports when it runs with these arguments. */
function packagesOf(...args: readonly string[]): ReadonlySet<string | undefined> {
  const { stderr } = spawnSync(process.execPath, ['--import', preload, ...args], { cwd: root, encoding: 'utf8' })
  assert.match(stderr, '/.compiled/lib/')
  return new Set([...stderr.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map(([, name]) => name))
}

/** Those that only the program needs. */
function importedBy(...args: readonly string[]): readonly string[] {
  const packages = packagesOf(...args)
  return ['pino', 'prom-client', 'yaml'].filter((name) => packages.has(name))
}

const program = '.compiled/lib/cli/main.js'

for (const entry of ['lib/index.js', 'lib/testing/index.js']) {
  test(`${entry} loads no module that only the program needs`, () => {
    assert.equal(importedBy('--input-type=module', '--eval', `await import('./.compiled/${entry}')`), [])
  })
}

test('--help and --version load no package', () => {
  for (const flag of ['--help', '--version']) assert.equal([...packagesOf(program, flag)], [])
})

test('the program loads a package only if an argument needs it', () => {
  assert.equal(importedBy(program, '--memory', '--print-config'), [])
  assert.equal(importedBy(program, '--memory', '--config', 'package.json'), ['yaml'])
  assert.equal(importedBy(program, '--memory', '--log', 'json', '--listen', '203.0.113.1:1'), ['pino'])
  assert.equal(importedBy(program, '--memory', '--admin', ':0', '--listen', '203.0.113.1:1'), ['prom-client'])
})

test.run()
