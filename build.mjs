/**
 * `node build.mjs` makes `dist`, as it is published: CommonJS, ES modules below `dist/esm`, and for each entry one file
 * of declarations. The program is CommonJS only, since Node loads that in half the time; with `--if-stale` only if a source is newer than `dist`. `node build.mjs --tests` compiles `lib`, `test`, `bench` and `examples` to `.compiled`, without
 * checking types, so that no process of a test run compiles anything itself. `node build.mjs --docs` writes the API
 * reference to `.compiled/api`, and fails if an export has no documentation.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** The modules that users import, as in `exports` of package.json. */
const entries = ['index', 'testing/index']
const generated = 'pfs/grpc/generated'

function compile(project, ...options) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project, ...options], { stdio: 'inherit' })
}

function buildTests() {
  compile('tsconfig.test.json')
  cpSync(`lib/${generated}`, `.compiled/lib/${generated}`, { recursive: true })
  // The examples import the package by its name, which resolves to the compiled sources.
  const exports = { '.': './lib/index.js', './testing': './lib/testing/index.js' }
  const { exports: _, ...manifest } = JSON.parse(readFileSync('package.json', 'utf8'))
  writeFileSync('.compiled/package.json', JSON.stringify({ ...manifest, exports }))
}

async function buildPackage() {
  rmSync('dist', { recursive: true, force: true })
  compile('tsconfig.cjs.json')
  cpSync(`lib/${generated}`, `dist/${generated}`, { recursive: true, filter: (path) => !path.endsWith('.d.cts') })
  writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
  chmodSync('dist/cli/main.js', 0o755)
  buildEsModules()
  await rollDeclarations()
}

/** For `npm start`, which is to start at once, and also where nothing can be compiled or written. */
async function buildIfStale() {
  const complete = `dist/${entries.at(-1)}.d.ts`
  const sources = ['build.mjs', 'lib', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.cjs.json']
  const builtAt = existsSync(complete) ? statSync(complete).mtimeMs : 0
  if (sources.every((path) => newestTime(path) <= builtAt)) return
  if (existsSync('node_modules/typescript')) return buildPackage()
  if (builtAt > 0) {
    console.error('dist is older than lib, and TypeScript is not installed: this starts dist as it is.')
  } else {
    console.error('dist is missing, and TypeScript is not installed: run npm ci and npm run build first.')
    process.exitCode = 1
  }
}

/** When a file, or the newest file below a folder, was changed, in milliseconds since 1970. */
function newestTime(path) {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs
  return Math.max(...readdirSync(path).map((name) => newestTime(join(path, name))))
}

function buildEsModules() {
  compile('tsconfig.build.json')
  writeFileSync('dist/esm/package.json', '{ "type": "module" }\n')
  // Generated messages register themselves on globalThis, so a process must load one copy of them.
  const target = `dist/esm/${generated}`
  mkdirSync(target, { recursive: true })
  for (const name of readdirSync(`dist/${generated}`)) {
    const original = relative(target, `dist/${generated}/${name}`)
    writeFileSync(join(target, name), `module.exports = require('${original}')\n`)
  }
}

/** Writes one declaration file for each entry, without anything that the entry does not export. */
async function rollDeclarations() {
  const { Extractor, ExtractorConfig } = await import('@microsoft/api-extractor')
  const types = mkdtempSync('.types-')
  try {
    compile('tsconfig.build.json', '--outDir', types, '--declaration', '--emitDeclarationOnly')
    cpSync(`lib/${generated}`, `${types}/${generated}`, { recursive: true })
    for (const entry of entries) {
      const rolled = `dist/esm/${entry}.d.ts`
      const config = ExtractorConfig.prepare({
        configObject: {
          projectFolder: process.cwd(),
          mainEntryPointFilePath: `<projectFolder>/${types}/${entry}.d.ts`,
          compiler: { tsconfigFilePath: '<projectFolder>/tsconfig.build.json' },
          dtsRollup: { enabled: true, untrimmedFilePath: `<projectFolder>/${rolled}` },
          messages: { extractorMessageReporting: { default: { logLevel: 'none' } } },
        },
        configObjectFullPath: undefined,
        packageJsonFullPath: join(process.cwd(), 'package.json'),
      })
      const { succeeded } = Extractor.invoke(config, { localBuild: true, messageCallback: silence })
      if (!succeeded) throw new Error(`cannot roll the declarations of ${entry}`)
      const copy = `dist/${entry}.d.ts`
      mkdirSync(dirname(copy), { recursive: true })
      cpSync(rolled, copy)
    }
  } finally {
    rmSync(types, { recursive: true })
  }
}

/** TypeDoc needs an older compiler than the project's, so both are installed apart. */
function buildReference() {
  const folder = '.cache/typedoc'
  const manifest = JSON.stringify({ private: true, dependencies: { typedoc: '0.28.20', typescript: '5.9.3' } })
  if (!existsSync(`${folder}/node_modules`) || readFileSync(`${folder}/package.json`, 'utf8') !== manifest) {
    mkdirSync(folder, { recursive: true })
    // First, because npm installs into the nearest folder above that has one.
    writeFileSync(`${folder}/package.json`, manifest)
    execFileSync('npm', ['install', '--silent', '--no-package-lock'], { cwd: folder, stdio: 'inherit' })
  }
  const documented = ['Class', 'Enum', 'Function', 'Interface', 'Method', 'TypeAlias', 'Variable']
  const options = [
    ...['--tsconfig', 'tsconfig.build.json', '--out', '.compiled/api', '--disableSources', '--readme', 'none'],
    ...['--validation.notDocumented', 'true', '--treatValidationWarningsAsErrors', '--logLevel', 'Warn'],
    // Types that only shape a parameter stay internal.
    ...['--validation.notExported', 'false'],
    ...documented.flatMap((kind) => ['--requiredToBeDocumented', kind]),
    ...entries.flatMap((entry) => ['--entryPoints', `lib/${entry}.ts`]),
  ]
  const { status } = spawnSync(process.execPath, [`${folder}/node_modules/typedoc/bin/typedoc`, ...options], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}

/** Errors are reported all the same; the rest says which version of TypeScript runs. */
function silence(message) {
  if (message.logLevel !== 'error') message.handled = true
}

if (process.argv.includes('--tests')) buildTests()
else if (process.argv.includes('--docs')) buildReference()
else if (process.argv.includes('--if-stale')) await buildIfStale()
else await buildPackage()
