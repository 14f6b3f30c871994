/**
 * The whole path of each kind of user, from a fresh clone, by the commands of the documentation: somebody who tries the
 * gateway, somebody who tests code with it, and somebody who operates it.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createProject, type Project } from '../package/project.js'
import { ask, startUpload } from '../support/ask.js'
import { type Ended, plainEnvironment, startCommand, startListening } from '../support/program.js'
import { fileOf, root } from '../support/root.js'
import { addressed } from '../support/snippets.js'
import { blockWith, documentedRunners, textIn } from './documented.js'

interface Context {
  readonly folder: string
  readonly clone: string
  /** Where the second user has installed the package, for the third one. */
  project: Project
}

const run = promisify(execFile)
const test = suite<Context>('the paths of users')

test.before(async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-paths-'))
  const clone = join(folder, 'clone')
  mkdirSync(join(folder, 'home'))
  // Git refuses to read a checkout of another user.
  const gitConfig = join(folder, 'gitconfig')
  writeFileSync(gitConfig, '[safe]\n\tdirectory = *\n')
  await run('git', ['clone', '--quiet', root, clone], { env: { ...process.env, GIT_CONFIG_GLOBAL: gitConfig } })
  Object.assign(context, { folder, clone })
})

test.after(({ folder, project }) => {
  project?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** The tools of `npm run test:clients`, which are installed once. */
const python = (name: string) => join(root, '.cache/clients', name, 'bin')

test('clone, try it, copy the first file, make mistakes, ask doctor', async ({ folder, clone }) => {
  await run(join(root, 'test/clients/tools.sh'), ['main'])
  const home = { ...plainEnvironment(), HOME: join(folder, 'home') } as NodeJS.ProcessEnv
  const inClone = { cwd: clone, env: { ...home, PATH: `${python('main')}:${home.PATH}`, AWS_MAX_ATTEMPTS: '1' } }
  const portFile = join(folder, 'ports.json')
  // The README's command, on free ports, and with PFS served so that doctor has a pachd to look at.
  const [start = ''] = blockWith('README.md', 'sh', 'npm start').split('\n')
  const more = `--listen 127.0.0.1:0 --serve-pfs 127.0.0.1:0 --port-file '${portFile}'`
  const gateway = startCommand(['bash', '-c', start.replace('-- --memory', `-- --memory ${more}`)], inClone)
  await gateway.says(/Listening on/)
  const { s3, pfs, pid } = JSON.parse(readFileSync(portFile, 'utf8'))
  const here = { gateway: new URL(s3).host, pachd: new URL(pfs).host }
  const type = (script: string) =>
    startCommand(['bash', '-euo', 'pipefail', '-c', addressed(script, here)], inClone).ended
  try {
    const [credentials = ''] = blockWith('README.md', 'sh', 'aws s3 mb').split('\n')
    await copyFirstFile(type, credentials)
    writeFileSync(join(clone, 'first.mjs'), addressed(blockWith('README.md', 'js', 'S3Client'), here))
    assert.match((await type('node first.mjs')).stdout, "Name: 'master.images'")
    const swapped = await makeMistakes(type, credentials)
    await askDoctor(type, swapped)
  } finally {
    // npm does not pass signals on.
    process.kill(pid, 'SIGTERM')
  }
  assert.is((await gateway.ended).code, 0)
})

/** Runs a shell script, in which the addresses of the documentation are those of the running gateway. */
type Type = (script: string) => Promise<Ended>

async function copyFirstFile(type: Type, credentials: string): Promise<void> {
  const { code, stdout, stderr } = await type(blockWith('README.md', 'sh', 'aws s3 mb'))
  assert.is(code, 0, stderr)
  assert.match(stdout, / 6 a\.txt\n/)
  const listed = await type(`${credentials}\n${textIn('README.md', /^python3 -c .*$/m)}`)
  assert.match(listed.stdout, "'Name': 'master.images'", listed.stderr)
}

/** Swaps repo and branch, as the README warns, and takes another port. Returns the swapped name. */
async function makeMistakes(type: Type, credentials: string): Promise<string> {
  const swapped = textIn('README.md', /never (images\.\w+)/)
  for (const command of [`echo hello | aws s3 cp - s3://${swapped}/a.txt`, `aws s3 mb s3://${swapped}`]) {
    const { code, stderr } = await type(`${credentials}\n${command}`)
    assert.is.not(code, 0, command)
    assert.match(stderr, new RegExp(`"${unswapped(swapped)}" exists[:.] [Tt]he branch comes before the repo`))
  }
  const away = await type(`${credentials}\nAWS_ENDPOINT_URL=${nowhere} aws s3 ls`)
  assert.match(away.stderr, /Could not connect/)
  return swapped
}

async function askDoctor(type: Type, swapped: string): Promise<void> {
  const command = blockWith('README.md', 'sh', 'doctor')
  const endpoint = textIn('README.md', /--endpoint (\S+)/)
  const ill = await type(command.replace('master.images', swapped).replace(endpoint, nowhere))
  assert.is(ill.code, 1, ill.stderr)
  assert.match(ill.stdout, /^FAILED +list bucket .*NoSuchBucket.*\n +a bucket is BRANCH\.REPO/m)
  assert.match(ill.stdout, /^FAILED .* does not answer: nothing listens there\n +is the gateway running/m)
  const well = await type(command.replace('master.images', unswapped(swapped)))
  assert.is(well.code, 0, well.stdout)
  assert.match(well.stdout, /^No step failed\.$/m)
}

const nowhere = 'http://127.0.0.1:1'
const unswapped = (bucket: string): string => bucket.split('.').toReversed().join('.')

test('pack, install, run the tests of the guide under each runner', async (context) => {
  await run(join(root, 'test/clients/tools.sh'), ['pachyderm'])
  context.project = await createProject(context.clone, ['uvu@0.5', 'vitest@4', 'jest@30'])
  const { project } = context
  const runners = documentedRunners()
  assert.equal(
    runners.map(({ name }) => name),
    ['uvu', 'node:test', 'vitest', 'jest', 'jest (ES modules)', 'pytest'],
  )
  const passed = [
    /Passed: +2\b/,
    /^. pass 1$/m,
    /Tests .*1 passed/,
    /Tests: +1 passed/,
    /Tests: +1 passed/,
    /\b1 passed\b/,
  ]
  for (const [index, { name, command, files }] of runners.entries()) {
    // The program's path in the test for pytest is relative to the project.
    const cwd = name === 'pytest' ? '.' : name.replaceAll(/\W/g, '-')
    for (const [file, text] of files) project.write(join(cwd, file), text)
    if (cwd !== '.') project.write(join(cwd, 'package.json'), '{ "type": "module" }')
    const env = { NO_COLOR: '1', PATH: `${python('pachyderm')}:${plainEnvironment().PATH}` }
    assert.match(await project.output(['bash', '-c', `${command} 2>&1`], { cwd, env }), passed[index] ?? /never/, name)
  }
})

test('start, probe, load, read the metrics, drain', async ({ project }) => {
  const program = [join(project.folder, 'node_modules/pfs-s3-gateway/dist/cli/main.js')]
  const served = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0', '--log', 'off'], {}, program)
  const [, pachd = ''] = await served.says(/grpc:\/\/(\S+)/)
  const [, ...flags] = addressed(textIn('README.md', /`(pfs-s3-gateway --pachd \S+)`/), { pachd }).split(' ')
  const gateway = await startListening([...flags, '--admin', '127.0.0.1:0', '--log', 'json'], {}, program)
  const [, admin = ''] = await gateway.says(/Admin at (http:[\d./:]*\d)/)
  const deployment = readFileSync(fileOf('deploy/deployment.yaml'), 'utf8')
  const probes = [...deployment.matchAll(/path: (\/\w+)/g)].map(([, path = '']) => path)
  const probe = async () => Promise.all(probes.map(async (path) => [path, (await fetch(admin + path)).status]))
  assert.equal(new Set((await probe()).map(([, status]) => status)), new Set([200]))

  const objects = Array.from({ length: 200 }, (_, number) => `/master.images/${number % 10}/${number}`)
  const port = Number(new URL(gateway.endpoint).port)
  for (const method of ['PUT', 'GET', 'DELETE']) {
    const answers = await Promise.all(
      objects.map((path) => ask(port, method, path, method === 'PUT' ? path : undefined)),
    )
    assert.equal(new Set(answers.map(({ status }) => status)), new Set([method === 'DELETE' ? 204 : 200]))
    if (method === 'GET')
      assert.equal(
        answers.map(({ text }) => text),
        objects,
      )
  }
  assert.is((await ask(port, 'GET', '/master.images/0/0')).code, 'NoSuchKey')

  const metrics = await (await fetch(`${admin}/metrics`)).text()
  const metric = (line: string) =>
    Number(
      metrics
        .split('\n')
        .find((each) => each.startsWith(`${line} `))
        ?.slice(line.length),
    )
  for (const [action, status, code, count] of [
    ['PutObject', 200, '', 200],
    ['GetObject', 200, '', 200],
    ['DeleteObject', 204, '', 200],
    ['GetObject', 404, 'NoSuchKey', 1],
  ]) {
    const line = `pfs_s3_requests_total{action="${action}",status="${status}",code="${code}"}`
    assert.is(metric(line), count, line)
  }
  assert.is(metric('pfs_s3_pachd_up'), 1)
  const commits = metric('pfs_s3_commits_total')
  assert.ok(commits > 0 && commits < 200, `${commits} commits for 400 concurrent writes`)

  const upload = await startUpload(`${gateway.endpoint}/master.images/last`, 4)
  gateway.child.kill('SIGTERM')
  await gateway.says(/Stopping/)
  assert.equal(
    await probe(),
    probes.map((path) => [path, path === '/readyz' ? 503 : 200]),
  )
  assert.is((await ask(port, 'GET', '/')).status, 0)
  const answered = new Promise((resolve) => upload.once('response', resolve))
  upload.end('last')
  await answered
  const { code, stdout } = await gateway.ended
  assert.is(code, 0)
  const logged = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.is(logged.length, 602)
  assert.equal([logged.at(-1)?.action, logged.at(-1)?.status], ['PutObject', 200])
  assert.is(await (await fetch(`${served.endpoint}/master.images/last`)).text(), 'last')
  await served.stop()
})

test.run()
