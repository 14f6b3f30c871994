/**
 * `node build.mjs` compiles `lib` to `dist`, as it is published. `node build.mjs --tests` compiles `lib`, `test`, `bench`
 * and `examples` to `.compiled`, without checking types, so that no process of a test run compiles anything itself.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const generated = 'pfs/grpc/generated'

function compile(project) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], { stdio: 'inherit' })
}

if (process.argv.includes('--tests')) {
  compile('tsconfig.test.json')
  cpSync(`lib/${generated}`, `.compiled/lib/${generated}`, { recursive: true })
  // The examples import the package by its name, which resolves to the compiled sources.
  const { exports: _, ...manifest } = JSON.parse(readFileSync('package.json', 'utf8'))
  writeFileSync('.compiled/package.json', JSON.stringify({ ...manifest, exports: { '.': './lib/index.js' } }))
} else {
  rmSync('dist', { recursive: true, force: true })
  compile('tsconfig.build.json')
  // tsc emits nothing for the generated CommonJS modules.
  cpSync(`lib/${generated}`, `dist/${generated}`, { recursive: true })
  chmodSync('dist/cli/main.js', 0o755)
}
