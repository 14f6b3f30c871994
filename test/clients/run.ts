/**
 * `npm run test:clients [-- FILTER…]`: runs each client's script against the program in every setup, in a new home
 * directory each time, and ends with `N passed, N failed`. `tools.sh` installs the clients.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../support/root.js'
import { makeMaterial } from './support/material.js'
import { type ClientScript, clientScripts, runScript } from './support/scripts.js'
import { type RunningSetup, type Setup, setups, startSetup } from './support/setups.js'

const here = join(root, 'test/clients')
const tools = join(root, '.cache/clients')
const work = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-clients-'))
const longest = 6 * 60_000

const filters = process.argv.slice(2)
const scripts = clientScripts(here).filter(({ name }) => filters.length === 0 || filters.some((f) => name.includes(f)))
const total = { passed: 0, failed: 0 }

const small = makeMaterial(join(work, 'small'), join(root, 'node_modules'), false)
const large = makeMaterial(join(work, 'large'), join(root, 'node_modules'), true)

for (const setup of setups) {
  const running = await startSetup(setup)
  for (const script of scripts) {
    for (const signature of script.signatures) {
      const { tree, file } = setup.large && script.large ? large : small
      const env = { ...environment(script, setup, running, signature), TREE: tree, FILE: file }
      await run(`${script.name} ${signature}, ${setup.name}`, script, env)
    }
  }
  for (const ended of await running.stop()) {
    if (ended.code !== 0) report(`the gateway's end, ${setup.name}`, `code ${ended.code}: ${ended.stderr}`)
  }
}
rmSync(work, { recursive: true, force: true })
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

async function run(title: string, script: ClientScript, env: NodeJS.ProcessEnv): Promise<void> {
  const cwd = join(work, 'home')
  rmSync(cwd, { recursive: true, force: true })
  mkdirSync(cwd)
  const start = performance.now()
  const failure = await runScript(script, { cwd, env: { ...env, HOME: cwd }, milliseconds: longest })
  report(`${title} (${((performance.now() - start) / 1000).toFixed(1)} s)`, failure)
}

function report(title: string, failure: string | undefined): void {
  if (failure === undefined) total.passed += 1
  else total.failed += 1
  console.log(failure === undefined ? `ok    ${title}` : `FAIL  ${title}\n${failure.replace(/^/gm, '      ')}`)
}

/** What a script finds: where to connect, who it is, a bucket of its own that it may make, and what to copy. */
function environment(script: ClientScript, setup: Setup, running: RunningSetup, signature: string): NodeJS.ProcessEnv {
  const token = setup.rootToken ?? 'anything'
  const path = [join(tools, script.environment, 'bin'), join(tools, 'bin'), process.env.PATH].join(':')
  return {
    PATH: path,
    PYTHONPATH: join(here, 'support'),
    ENDPOINT: running.endpoint,
    HOST: new URL(running.endpoint).host,
    ACCESS_KEY: token,
    SECRET_KEY: token,
    SIGNATURE: signature,
    BUCKET: `master.${script.name.replace(/\W/g, '-')}-${signature}`,
    SUPPORT: join(here, 'support'),
    PACHD_ADDRESS: running.pachdAddress,
    ...(setup.rootToken !== undefined && { PACH_TOKEN: setup.rootToken }),
    ...(process.env.CI !== undefined && { CI: process.env.CI }),
  }
}
