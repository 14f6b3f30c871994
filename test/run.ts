/**
 * `npm test [-- FILTER…]`: runs each `test/**\/*.test.ts` whose path contains one of the filters, as many at a time as
 * there are cores, shows what the failing ones printed, and ends with `N passed, N failed`. `npm run test:slow` runs
 * each `*.slow.ts` so; `npm run test:pachd` runs each `*.pachd.ts`, and the front-door suites, against
 * the pachd that the environment names, and more of them if it can start them.
 */
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'
import { root } from './support/root.js'
import { type StartedPachd, startPachd } from './support/start-pachd.js'
import { runTestFile } from './support/test-file.js'

const limits = { runMilliseconds: 15 * 60_000, exitMilliseconds: 20_000 }
/** Tests that need more than Node; `npm run test:clients` runs them. */
const apart = join('test', 'clients') + sep

function testFiles(suffix: string, filters: readonly string[]): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((path) => join('test', path))
    .filter((path) => path.endsWith(suffix) && !path.startsWith(apart))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort()
}

/** The names of a pachd's addresses and root token; test/README.md describes them. */
const pachdVariables = ['PACHD', 'PACHD_WITH_AUTH', 'PACHD_ROOT_TOKEN']

/**
 * Suites that can run over a pachd: no test injects a clock or a fault, or counts calls, unless it is limited to the
 * stand-in. They run over a pachd with auth and one without.
 */
const suitesOverPachd = [
  'operations/attributes',
  'operations/conditions',
  'operations/copy-vanished',
  'operations/datums',
  'operations/forks',
  'operations/if-range',
  'operations/list-object-versions',
  'operations/listing',
  'operations/multipart/etags',
  'operations/multipart/sweep',
  'operations/multipart/upload-part-copy',
  'operations/objects',
  'operations/records',
]
/**
 * The same, over the pachd with auth alone: suites with callers of several rights, and long ones whose calls of PFS the
 * suites above make over both. Without auth, PFS refuses nothing that these try.
 */
const suitesOverPachdWithAuth = [
  'hostile/authentication',
  'hostile/caches',
  'hostile/integrity',
  'hostile/paths',
  'hostile/signed-bodies',
  'model/open-commits.model',
  'model/records.model',
  'model/versions.model',
  'operations/configuration',
  'operations/delete-versions',
  'operations/directory-markers',
  'operations/meta-repo',
  'operations/missing-bucket',
  'operations/multipart/checksums',
  'operations/multipart/listing',
  'operations/multipart/multipart',
  'operations/multipart/rights',
  'operations/post-object',
  'operations/version-attributes',
  'operations/versions',
]

/** A test file, and the environment that it runs in beside this one. */
interface Run {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}

function selectedRuns([first = '', ...rest]: readonly string[]): Run[] {
  switch (first) {
    case '--slow':
      return runsOf(testFiles('.slow.ts', rest))
    case '--pachd': {
      const unset = pachdVariables.filter((name) => !process.env[name])
      if (unset.length === 0) return [...runsOf(testFiles('.pachd.ts', rest)), ...runsOverPachd(rest)]
      console.log(`Set ${unset.join(', ')} to a running pachd; test/README.md says how to get one.\n0 passed, 1 failed`)
      return process.exit(1)
    }
    default:
      return runsOf(testFiles('.test.ts', process.argv.slice(2)))
  }
}

function runsOf(paths: readonly string[], env: Run['env'] = {}): Run[] {
  return paths.map((path) => ({ path, env }))
}

function runsOverPachd(filters: readonly string[]): Run[] {
  const paths = testFiles('.test.ts', filters)
  const within = (suites: readonly string[]) =>
    paths.filter((path) => suites.some((name) => path === join('test', `${name}.test.ts`)))
  return [
    ...runsOf(within(suitesOverPachd), { TEST_PFS: 'pachd' }),
    ...runsOf(within([...suitesOverPachd, ...suitesOverPachdWithAuth]), { TEST_PFS: 'pachd-with-auth' }),
  ]
}

const selected = selectedRuns(process.argv.slice(2))
const total = { passed: 0, failed: 0 }

/** The module that `npm test` has compiled from a file. */
function compiled(path: string): string {
  return join(root, '.compiled', path.replace(/\.ts$/, '.js'))
}

/** Runs a file, prints the result, and says whether it passed. A failure that `repeats` is not counted yet. */
async function report(run: Run, repeats: boolean, lane: Run['env'] = {}): Promise<boolean> {
  const start = performance.now()
  const result = await runTestFile(compiled(run.path), limits, { ...lane, ...run.env })
  const path = [run.path, ...Object.values(run.env)].join(' over ')
  const passes = result.failed === 0
  if (passes || !repeats) {
    total.passed += result.passed
    total.failed += result.failed
  }
  if (passes) console.log(`ok    ${path} (${result.passed}, ${((performance.now() - start) / 1000).toFixed(1)} s)`)
  else console.log(`${repeats ? 'AGAIN' : 'FAIL '} ${path}: ${result.reason}\n${result.output}`)
  return passes
}

/** In CI a file that failed beside others runs once more, alone: other files and other processes move measured bounds. */
const runsTwice = process.env.CI !== undefined
const failedOnce: Run[] = []

/** Runs files one after the other until none is left, with the environment of this lane. */
async function runLane(runs: Run[], lane: Run['env'] = {}): Promise<void> {
  for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
    if (!(await report(run, runsTwice, lane)) && runsTwice) failedOnce.push(run)
  }
}

/**
 * Runs one file at a time on each pachd: transactions of concurrent writers conflict there and wait for one another, so
 * that two files side by side take as long as one after the other. A file mostly waits for pachd to finish commits;
 * three at a time occupy two cores.
 */
async function runOnPachds(runs: Run[]): Promise<void> {
  const script = process.env.PACHD_START
  const started: StartedPachd[] = []
  const stop = () => Promise.all(started.map((pachd) => pachd.stop()))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().then(() => process.exit(1)))
  try {
    while (script && started.length < Math.min(2, runs.length - 1)) started.push(await startPachd(script))
    await Promise.all([{}, ...started.map(({ variables }) => variables)].map((lane) => runLane(runs, lane)))
  } finally {
    await stop()
  }
}

if (selected.length === 0) {
  console.log('No test file matches.')
  total.failed = 1
}
const queue = [...selected]
if (process.argv[2] === '--pachd') await runOnPachds(queue)
else await Promise.all(Array.from({ length: availableParallelism() }, () => runLane(queue)))
for (const run of failedOnce) await report(run, false)
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 ? 0 : 1
