import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fileOf } from '../support/root.js'

interface LockedPackage {
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const test = suite('licences')
const lock: { packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
  readFileSync(fileOf('package-lock.json'), 'utf8'),
)
const page = readFileSync(fileOf('docs/dependencies.md'), 'utf8')

const allowed = new Set(['MIT', 'ISC', '0BSD', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'])
/** Packages whose manifest names their licence, MIT, in a form that npm no longer reads. */
const unread = new Set(['node_modules/busboy', 'node_modules/streamsearch'])

test('every package has an allowed licence', () => {
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '' && !unread.has(path))
  assert.ok(packages.length > 300)
  const refused = packages.filter(([, { license = '' }]) => {
    return !license.split(/ AND | OR |[()]/).every((name) => name === '' || allowed.has(name))
  })
  assert.equal(refused, [])
  for (const name of allowed) assert.match(page, name)
})

test('the page names each dependency with its licence', () => {
  const rows = [...page.matchAll(/^\| `(\S+)` \| ([^|]+) \|/gm)].map(([, name, licence]) => [name, licence])
  const names = Object.keys(lock.packages['']?.dependencies ?? {})
  assert.equal(
    rows,
    names.map((name) => [name, lock.packages[`node_modules/${name}`]?.license]),
  )
})

test.run()
