import { readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { usage } from '../lib/cli/usage.js'

const test = suite('README.md')
const root = new URL('..', import.meta.url)
const readme = readFileSync(new URL('README.md', root), 'utf8')

for (const name of readdirSync(new URL('examples', root))) {
  const source = readFileSync(new URL(`examples/${name}`, root), 'utf8')

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
