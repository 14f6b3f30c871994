import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { usage } from '../lib/cli/usage.js'
import { fileOf } from './support/root.js'

const test = suite('README.md')
const readme = readFileSync(fileOf('README.md'), 'utf8')

for (const name of readdirSync(fileOf('examples'))) {
  test(`links to examples/${name}`, () => {
    assert.ok(readme.includes(`](examples/${name})`) || readme.includes(`<!-- examples/${name} -->`))
  })
}

for (const [, name = ''] of readme.matchAll(/<!-- examples\/(\S+) -->/g)) {
  test(`shows examples/${name} as it is`, () => {
    const source = readFileSync(fileOf(`examples/${name}`), 'utf8')
    assert.ok(readme.includes(`<!-- examples/${name} -->\n\`\`\`ts\n${source}\`\`\`\n`))
  })
}

for (const entry of readdirSync(fileOf('examples'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  test(`examples/${entry.name} has at most 30 lines`, () => {
    const source = readFileSync(join(entry.parentPath, entry.name), 'utf8')
    assert.ok(source.trimEnd().split('\n').length <= 30)
  })
}

test('shows what --help prints', () => {
  assert.ok(readme.includes(`\`\`\`\n${usage}\`\`\`\n`))
})

test.run()
