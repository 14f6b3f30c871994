/**
 * The code that the documentation shows: here TypeScript, JavaScript and JSON. `npm run test:clients` runs the shell and
 * Python blocks, which need clients.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { startListening } from './support/program.js'
import { root } from './support/root.js'
import { addressed, pages, type Snippet, snippetsOf } from './support/snippets.js'

const run = promisify(execFile)
const test = suite('the code in README.md and docs/')

const snippets = pages.flatMap(snippetsOf)
const place = ({ page, line }: Snippet) => `${page}:${line}`
const runnable = (languages: readonly string[]) =>
  snippets.filter(({ language, reason }) => languages.includes(language) && reason === undefined)
const modules = runnable(['ts', 'js'])
const nameOf = (snippet: Snippet) => place(snippet).replaceAll(/\W/g, '-')

/** Below `.compiled`, where imports of the package find the compiled sources. */
let folder: string
let gateway: Awaited<ReturnType<typeof startListening>>
let complaints: string

test.before(async () => {
  gateway = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0', '--log', 'off'])
  const pachd = (await gateway.says(/grpc:\/\/(\S+)/))[1] ?? ''
  folder = mkdtempSync(join(root, '.compiled/snippets-'))
  for (const snippet of modules) {
    const text = addressed(snippet.text.replaceAll(" from '../", " from '../../lib/"), {
      gateway: new URL(gateway.endpoint).host,
      pachd,
    })
    writeFileSync(join(folder, `${nameOf(snippet)}.${snippet.language}`), text)
  }
  const compilerOptions = { noEmit: false, allowJs: true, rootDir: root, outDir: 'out' }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*'] }),
  )
  const compiled = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { cwd: folder })
  complaints = await compiled.then(
    ({ stdout }) => stdout,
    ({ stdout }) => stdout,
  )
})

test.after(async () => {
  rmSync(folder, { recursive: true, force: true })
  await gateway.stop()
})

test('exists', () => {
  assert.ok(modules.length > 0)
})

test('has a language whose blocks are tested, or a reason why not', () => {
  const run = new Set(['sh', 'python', 'nginx', 'haproxy', 'ts', 'js', 'json', ''])
  assert.equal(snippets.filter(({ language, reason }) => !run.has(language) && reason === undefined).map(place), [])
})

for (const snippet of modules) {
  const file = `${nameOf(snippet)}.${snippet.language}`

  test(`${place(snippet)} has no type errors`, () => {
    assert.equal(
      complaints.split('\n').filter((line) => line.startsWith(file)),
      [],
    )
  })

  if (snippet.example !== undefined) continue // test/mounts runs it.
  test(`${place(snippet)} runs`, async () => {
    const compiled = join(folder, 'out', folder.slice(root.length), `${nameOf(snippet)}.js`)
    await run(process.execPath, [compiled], { cwd: folder })
  })
}

for (const snippet of snippets.filter(({ language }) => language === 'yaml')) {
  test(`${place(snippet)} is YAML`, () => {
    parse(snippet.text)
  })
}

for (const snippet of runnable(['json'])) {
  test(`${place(snippet)} is valid JSON`, () => {
    JSON.parse(snippet.text)
  })
}

test.run()
