import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { optionNames } from '../lib/options.js'
import { runProgram } from './support/program.js'
import { fileOf, root } from './support/root.js'

const test = suite('README.md')
const readme = readFileSync(fileOf('README.md'), 'utf8')

for (const name of readdirSync(fileOf('examples'))) {
  test(`links to examples/${name}`, () => {
    assert.ok(readme.includes(`](examples/${name})`) || readme.includes(`<!-- examples/${name} -->`))
  })
}

for (const [, name = ''] of readme.matchAll(/<!-- examples\/(\S+) -->/g)) {
  test(`contains examples/${name} unchanged`, () => {
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

test('has at most 200 lines', () => {
  assert.ok(readme.trimEnd().split('\n').length <= 200)
})

test('counts the actions as docs/s3-actions.md lists them', () => {
  const actions = readFileSync(fileOf('docs/s3-actions.md'), 'utf8')
  const count = (answer: string) => actions.split('\n').filter((line) => line.includes(`| ${answer} |`)).length
  assert.match(readme, `**${count('served')} of S3's actions are served**, ${count('not configured')} report`)
})

test.run()

const documents = suite('docs')

documents('docs/program.md contains the output of --help', async () => {
  const { stdout } = await runProgram(['--help'])
  assert.ok(readFileSync(fileOf('docs/program.md'), 'utf8').includes(`\`\`\`\n${stdout}\`\`\`\n`))
})

for (const page of [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'test/README.md',
  'bench/README.md',
  ...pagesOf('docs'),
]) {
  documents(`the links of ${page} lead to existing files`, () => {
    const text = readFileSync(fileOf(page), 'utf8')
    for (const [, target = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const path = target === '' ? page : join(dirname(page), target)
      assert.ok(existsSync(join(root, path)), `${page} links to ${target}`)
      if (anchor !== undefined) assert.ok(anchorsOf(path).has(anchor), `${page} links to ${target}#${anchor}`)
    }
  })
}

for (const page of ['CONTRIBUTING.md', 'docs/architecture.md', 'test/README.md']) {
  documents(`the files that ${page} names exist`, () => {
    const text = readFileSync(fileOf(page), 'utf8')
    const named = [...text.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.\w+)`/g)].map(([, path = '']) => path)
    assert.ok(named.length > 0)
    const missing = named.filter((path) => !['', 'lib', 'test'].some((folder) => existsSync(join(root, folder, path))))
    assert.equal(missing, [], `${page} names files that are missing at the root, in lib/ and in test/`)
  })
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = readFileSync(fileOf(page), 'utf8').matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

documents('the page of the options names each option of the handler', () => {
  const page = readFileSync(fileOf('docs/options.md'), 'utf8')
  for (const name of optionNames) assert.ok(page.includes(`| \`${name}\` |`), name)
})

function pagesOf(folder: string): readonly string[] {
  return readdirSync(fileOf(folder)).map((name) => `${folder}/${name}`)
}

documents.run()
