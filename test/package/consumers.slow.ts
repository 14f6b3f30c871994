import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/root.js'
import { createProject } from './project.js'

const tools = ['typescript@5.9', '@types/node@20', 'jest@30', 'ts-jest@29', '@types/jest@30']
const project = await createProject(root, tools)

const test = suite('the package as others install it')

const imports = `
  import { createS3Handler, PfsError } from 'pfs-s3-gateway'
  import { createMemoryPfs } from 'pfs-s3-gateway/testing'
`
const requires = `
  const { createS3Handler, PfsError } = require('pfs-s3-gateway')
  const { createMemoryPfs } = require('pfs-s3-gateway/testing')
`
const use = `
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' })
  const failure = new PfsError('NOT_FOUND', 'nothing')
`

test('an ES module imports it', async () => {
  project.write('esm.mjs', `${imports}\n${use}\nconsole.log(typeof handler, failure.status)`)
  assert.is(await project.output(['node', 'esm.mjs']), 'function NOT_FOUND')
})

test('CommonJS requires it, even if the process has imported it', async () => {
  project.write(
    'required.cjs',
    `${requires}\n${use}\n` +
      `import('pfs-s3-gateway').then((imported) => console.log(typeof handler, failure.status, typeof imported.createPfsClient))`,
  )
  assert.is(await project.output(['node', 'required.cjs']), 'function NOT_FOUND function')
})

const typed = `
import { createServer } from 'node:http'
import { type AuthConfig, createPfsClient, createS3Handler, PfsError, type PfsClient } from 'pfs-s3-gateway'
import { createMemoryPfs, filesOf, mockPfs, pfsError, withFaults } from 'pfs-s3-gateway/testing'
const authConfig: AuthConfig = { mode: 'pachyderm' }
export const server = createServer(createS3Handler(createMemoryPfs(), authConfig, { region: 'eu-west-1' }))
export const client = createPfsClient('grpc://127.0.0.1:1')
export const faulty: PfsClient = withFaults(createMemoryPfs(), { inspectFile: ({ path }) => ({ fail: pfsError.missing('file', path) }) })
export const mocked: PfsClient = mockPfs({ whoAmI: async () => ({ username: 'robot:me' }) })
export const texts: Promise<Record<string, string>> = filesOf(createPfsClient('grpc://127.0.0.1:1'), 'master.images')
export const bytes: Promise<Record<string, Uint8Array>> = filesOf(faulty, 'master.images', { as: 'bytes' })
export const status: string = new PfsError('NOT_FOUND', 'nothing').status
`

for (const [module, moduleResolution, files] of [
  ['nodenext', 'nodenext', ['typed.mts', 'typed.cts']],
  ['node16', 'node16', ['typed.mts', 'typed.cts']],
  ['commonjs', 'node10', ['typed.ts']],
  ['esnext', 'bundler', ['typed.ts']],
] as const) {
  test(`TypeScript finds the types of ${files.join(' and ')} by ${moduleResolution}`, async () => {
    for (const file of files) project.write(file, typed)
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit']
    const target = ['--target', 'es2022', '--types', 'node']
    const kind = ['--module', module, '--moduleResolution', moduleResolution]
    assert.is(await project.output(['npx', 'tsc', ...strict, ...target, ...kind, ...files]), '')
  })
}

const jestTest = `
test('a handler is created', () => {
  ${use}
  expect(typeof handler).toBe('function')
  expect(failure.status).toBe('NOT_FOUND')
})
`

test('jest requires it', async () => {
  project.write('plain/plain.test.js', `${requires}\n${jestTest}`)
  await project.output(['npx', 'jest', '--rootDir', 'plain'])
})

test('ts-jest with module commonjs compiles against it', async () => {
  const compilerOptions = { module: 'commonjs', moduleResolution: 'node10', target: 'es2022', strict: true }
  project.write(
    'typed/tsconfig.json',
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['jest', 'node'] } }),
  )
  project.write('typed/typed.test.ts', `${imports}\n${jestTest}`)
  project.write(
    'typed/jest.config.json',
    JSON.stringify({ transform: { '\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] } }),
  )
  await project.output(['npx', 'jest', '--config', 'typed/jest.config.json'])
})

test('it contains no source map, and only the declarations of the entries', async () => {
  const folder = join(project.folder, 'node_modules/pfs-s3-gateway')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.includes('node_modules'),
  )
  assert.equal(
    files.filter((path) => path.endsWith('.map')),
    [],
  )
  assert.equal(files.filter((path) => /\.d\.[cm]?ts$/.test(path)).sort(), [
    'dist/esm/index.d.ts',
    'dist/esm/testing/index.d.ts',
    'dist/index.d.ts',
    'dist/testing/index.d.ts',
  ])
})

test('the main entry does not load the entry for tests', async () => {
  const loaded = "console.log(Object.keys(require.cache).filter((path) => path.includes('/dist/testing/')).length)"
  assert.is(await project.output(['node', '-e', `require('pfs-s3-gateway'); ${loaded}`]), '0')
  assert.is.not(await project.output(['node', '-e', `require('pfs-s3-gateway/testing'); ${loaded}`]), '0')
})

test('the program loads at most 300 modules before it listens, all of them CommonJS', async () => {
  project.write('count.cjs', "process.on('exit', () => console.log(Object.keys(require.cache).length))")
  const main = 'node_modules/pfs-s3-gateway/dist/cli/main.js'
  // Nobody can listen on an address of another machine, so the program ends when it has loaded everything.
  const start = ['node', '--require', './count.cjs', main, '--memory', '--listen', '203.0.113.1:1']
  const loaded = Number(await project.output(['sh', '-c', `${start.join(' ')} || true`]))
  // ES modules are not in this cache; Node takes twice as long to load them.
  assert.ok(loaded > 200 && loaded <= 300, `${loaded} modules`)
})

test.after(() => project.remove())

test.run()
