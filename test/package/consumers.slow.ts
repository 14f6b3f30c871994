import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../support/root.js'

const run = promisify(execFile)

/** A project that has installed the package as `npm publish` would send it. */
const test = suite<{ project: string }>('the package as others install it')

test.before(async (context) => {
  context.project = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-consumer-'))
  await run('npm', ['pack', '--silent', '--pack-destination', context.project], { cwd: root })
  const tarball = readdirSync(context.project).find((name) => name.endsWith('.tgz')) ?? ''
  write(context.project, 'package.json', '{ "private": true }')
  const tools = ['typescript@5.9', '@types/node@20', 'jest@30', 'ts-jest@29', '@types/jest@30']
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', `./${tarball}`, ...tools], {
    cwd: context.project,
  })
})

test.after(({ project }) => rmSync(project, { recursive: true, force: true }))

function write(project: string, path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true })
  writeFileSync(join(project, path), text)
}

/** Runs a program of the project and returns its standard output; rejects with what it printed if it fails. */
async function output(project: string, program: string, ...args: string[]): Promise<string> {
  try {
    return (await run(program, args, { cwd: project })).stdout.trim()
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)
  }
}

const use = `
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' })
  const failure = new PfsError('NOT_FOUND', 'nothing')
`

test('an ES module imports it', async ({ project }) => {
  write(
    project,
    'esm.mjs',
    `import { createMemoryPfs, createS3Handler, PfsError } from 'pfs-s3-gateway'\n${use}\nconsole.log(typeof handler, failure.status)`,
  )
  assert.is(await output(project, 'node', 'esm.mjs'), 'function NOT_FOUND')
})

test('CommonJS requires it, also where the process has imported it', async ({ project }) => {
  write(
    project,
    'required.cjs',
    `const { createMemoryPfs, createS3Handler, PfsError } = require('pfs-s3-gateway')\n${use}\n` +
      `import('pfs-s3-gateway').then((imported) => console.log(typeof handler, failure.status, typeof imported.createPfsClient))`,
  )
  assert.is(await output(project, 'node', 'required.cjs'), 'function NOT_FOUND function')
})

const typed = `
import { createServer } from 'node:http'
import { type AuthConfig, createMemoryPfs, createPfsClient, createS3Handler, PfsError } from 'pfs-s3-gateway'
const authConfig: AuthConfig = { mode: 'pachyderm' }
export const server = createServer(createS3Handler(createMemoryPfs(), authConfig, { region: 'eu-west-1' }))
export const client = createPfsClient('grpc://127.0.0.1:1')
export const status: string = new PfsError('NOT_FOUND', 'nothing').status
`

for (const [module, moduleResolution, file] of [
  ['nodenext', 'nodenext', 'typed.mts'],
  ['nodenext', 'nodenext', 'typed.cts'],
  ['node16', 'node16', 'typed.mts'],
  ['node16', 'node16', 'typed.cts'],
  ['commonjs', 'node10', 'typed.ts'],
  ['esnext', 'bundler', 'typed.ts'],
] as const) {
  test(`TypeScript finds the types of ${file} by ${moduleResolution}`, async ({ project }) => {
    write(project, file, typed)
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit']
    const target = ['--target', 'es2022', '--types', 'node']
    const kind = ['--module', module, '--moduleResolution', moduleResolution]
    assert.is(await output(project, 'npx', 'tsc', ...strict, ...target, ...kind, file), '')
  })
}

const jestTest = `
test('a handler is made', () => {
  ${use}
  expect(typeof handler).toBe('function')
  expect(failure.status).toBe('NOT_FOUND')
})
`

test('jest requires it', async ({ project }) => {
  write(
    project,
    'plain/plain.test.js',
    `const { createMemoryPfs, createS3Handler, PfsError } = require('pfs-s3-gateway')\n${jestTest}`,
  )
  await output(project, 'npx', 'jest', '--rootDir', 'plain')
})

test('ts-jest with module commonjs compiles against it', async ({ project }) => {
  const compilerOptions = { module: 'commonjs', moduleResolution: 'node10', target: 'es2022', strict: true }
  write(
    project,
    'typed/tsconfig.json',
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['jest', 'node'] } }),
  )
  write(
    project,
    'typed/typed.test.ts',
    `import { createMemoryPfs, createS3Handler, PfsError } from 'pfs-s3-gateway'\n${jestTest}`,
  )
  write(
    project,
    'typed/jest.config.json',
    JSON.stringify({ transform: { '\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] } }),
  )
  await output(project, 'npx', 'jest', '--config', 'typed/jest.config.json')
})

test('it holds no source map, and declarations of the entries alone', async ({ project }) => {
  const folder = join(project, 'node_modules/pfs-s3-gateway')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.includes('node_modules'),
  )
  assert.equal(
    files.filter((path) => path.endsWith('.map')),
    [],
  )
  assert.equal(files.filter((path) => /\.d\.[cm]?ts$/.test(path)).sort(), ['dist/cjs/index.d.ts', 'dist/index.d.ts'])
})

test.run()
