import { readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { usage } from '../lib/cli/usage.js'
import { fileOf } from './support/root.js'

const test = suite('README.md')
const readme = readFileSync(fileOf('README.md'), 'utf8')

for (const name of readdirSync(fileOf('examples'))) {
  const source = readFileSync(fileOf(`examples/${name}`), 'utf8')

  test(`shows examples/${name} as it is`, () => {
    assert.ok(readme.includes(`<!-- examples/${name} -->\n\`\`\`ts\n${source}\`\`\`\n`))
  })

  test(`examples/${name} has at most 30 lines`, () => {
    assert.ok(source.trimEnd().split('\n').length <= 30)
  })
}

test('shows what --help prints', () => {
  assert.ok(readme.includes(`\`\`\`\n${usage}\`\`\`\n`))
})

test.run()
