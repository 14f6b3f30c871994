/**
 * `npm run test:clients [-- FILTER…]`: runs each client's script against the program in every setup, in a new home
 * directory each time, then the code of README.md and of each page of `docs/`, and ends with `N passed, N failed`.
 * `tools.sh` installs the clients. Without a filter it writes `docs/clients.md`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../support/root.js'
import { pages } from '../support/snippets.js'
import { makeMaterial } from './support/material.js'
import { hasBlocks, pageScript } from './support/page.js'
import { type ClientScript, clientScripts, runScript } from './support/scripts.js'
import { mainSetup, pageSetup, type RunningSetup, type Setup, setups, startSetup } from './support/setups.js'
import { type ClientRun, clientsPage } from './support/table.js'

const here = join(root, 'test/clients')
const tools = join(root, '.cache/clients')
const modules = join(root, 'node_modules')
const work = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-clients-'))
const longest = 6 * 60_000

const filters = process.argv.slice(2)
const isSelected = (name: string) => filters.length === 0 || filters.some((filter) => name.includes(filter))
const scripts = clientScripts(here).filter(({ name }) => isSelected(name))
const total = { passed: 0, failed: 0 }
const runs: ClientRun[] = []

const small = makeMaterial(join(work, 'small'), modules, false)
const large = makeMaterial(join(work, 'large'), modules, true)

for (const setup of scripts.length === 0 ? [] : setups) {
  const running = await startSetup(setup)
  for (const script of scripts.filter((each) => isFor(each, setup))) {
    for (const signature of signaturesFor(script, setup)) {
      const { tree, file, parts } = setup.large && script.large ? large : small
      const env: NodeJS.ProcessEnv = {
        ...environment(script, running, signature),
        TREE: tree,
        FILE: file,
        PARTS: parts,
      }
      const { client, passed } = await run(`${script.name} ${signature}, ${setup.name}`, (turn) =>
        runOnce(script, { ...env, BUCKET: `${env.BUCKET}${turn}` }),
      )
      runs.push({ script, client, setup: setup.name, signature, passed })
    }
  }
  await stop(running, setup.name)
}
for (const page of pages.filter(isSelected)) {
  if (hasBlocks(page)) await run(page, () => runPage(page))
}
rmSync(work, { recursive: true, force: true })
if (filters.length === 0) writeFileSync(join(root, 'docs/clients.md'), clientsPage(runs))
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

function isFor(script: ClientScript, setup: Setup): boolean {
  if (setup.pfs === 'pachd') return script.pachd
  return !script.once || setup.name === mainSetup
}

async function stop(running: RunningSetup, title: string): Promise<void> {
  for (const ended of await running.stop()) {
    if (ended.code !== 0) report(`the gateway's end, ${title}`, `code ${ended.code}: ${ended.stderr}`)
  }
}

/** A reader of a page has followed the first lines of README.md. */
function pageEnvironment(running: RunningSetup): NodeJS.ProcessEnv {
  const key = { AWS_ACCESS_KEY_ID: 'anything', AWS_SECRET_ACCESS_KEY: 'anything', AWS_DEFAULT_REGION: 'us-east-1' }
  return { ...key, AWS_ENDPOINT_URL: running.endpoint }
}

/** Without auth, signatures are not verified, so one kind of signature is enough. */
function signaturesFor(script: ClientScript, setup: Setup): readonly string[] {
  return setup.rootToken === undefined ? script.signatures.slice(0, 1) : script.signatures
}

type Outcome = Awaited<ReturnType<typeof runOnce>>

/**
 * Runs something; in CI once more if it fails, since a slow start of a client may time it out. `turn` is empty at
 * first and `-again` then: what the first turn left may be in the way.
 */
async function run(
  title: string,
  attempt: (turn: '' | '-again') => Promise<Outcome>,
): Promise<{ readonly client: string; readonly passed: boolean }> {
  const first = await attempt('')
  if (first.failure === undefined || process.env.CI === undefined) return reportRun(title, first)
  console.log(`AGAIN ${title}\n${indented(first.failure)}`)
  return reportRun(title, await attempt('-again'))
}

/** Runs the blocks of a page over a new gateway. */
async function runPage(page: string): Promise<Outcome> {
  const running = await startSetup(pageSetup)
  const script = pageScript(page, running, { tools, folder: work })
  const outcome = await runOnce(script, { ...environment(script, running, 'v4'), ...pageEnvironment(running) })
  await stop(running, page)
  return outcome
}

async function runOnce(script: ClientScript, env: NodeJS.ProcessEnv) {
  const cwd = join(work, 'home')
  rmSync(cwd, { recursive: true, force: true })
  mkdirSync(cwd)
  const start = performance.now()
  const result = await runScript(script, { cwd, env: { ...env, HOME: cwd }, milliseconds: longest })
  return { ...result, seconds: (performance.now() - start) / 1000 }
}

function reportRun(title: string, { client, failure, seconds }: Outcome) {
  report(`${title} (${seconds.toFixed(1)} s)`, failure)
  return { client, passed: failure === undefined }
}

function report(title: string, failure: string | undefined): void {
  if (failure === undefined) total.passed += 1
  else total.failed += 1
  console.log(failure === undefined ? `ok    ${title}` : `FAIL  ${title}\n${indented(failure)}`)
}

function indented(text: string): string {
  return text.replace(/^/gm, '      ')
}

/** The environment of a script: endpoint, credentials, the name of a bucket to create, and files to copy. */
function environment(script: ClientScript, running: RunningSetup, signature: string): NodeJS.ProcessEnv {
  const token = running.token ?? 'anything'
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
    MODULES: modules,
    HADOOP: join(tools, 'hadoop'),
    SUPPORT: join(here, 'support'),
    PACHD_ADDRESS: running.pachdAddress,
    ...(running.token !== undefined && { PACH_TOKEN: running.token }),
    ...(process.env.CI !== undefined && { CI: process.env.CI }),
  }
}
