/** The image of the Dockerfile, made without Docker, run as deploy/deployment.yaml runs it. */
import { execFile } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startProgram } from '../support/program.js'
import { fileOf, root } from '../support/root.js'
import { type BuiltImage, buildImage } from './dockerfile.js'

const run = promisify(execFile)
const test = suite<{ folder: string; image: BuiltImage }>('the image')
const deployment = readFileSync(fileOf('deploy/deployment.yaml'), 'utf8')

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-image-'))
  context.image = await buildImage(readFileSync(fileOf('Dockerfile'), 'utf8'), root, context.folder)
})

test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }))

/** The values of a list of the manifest, such as `args`. */
function listOf(name: string): readonly string[] {
  const [, indent = '', items = ''] = new RegExp(`^( +)${name}:\\n((?: +- .*\\n)+)`, 'm').exec(deployment) ?? []
  assert.ok(items.startsWith(indent), `${name} is missing`)
  return items
    .trim()
    .split('\n')
    .map((line) => line.trim().replace(/^- /, ''))
}

/** Programs of the base image, by those of this machine. */
function hostCommand(command: readonly string[]): readonly string[] {
  assert.is(command[0], '/nodejs/bin/node')
  return command.slice(1)
}

/** The folder's files, each with its size and time: whatever a program writes there shows. */
function contents(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => {
    const { size, mtimeMs } = lstatSync(join(folder, path))
    return `${path} ${size} ${mtimeMs}`
  })
}

test('holds the program and its dependencies, and no development dependency', ({ image }) => {
  assert.equal(readdirSync(image.workdir).sort(), ['dist', 'node_modules', 'package.json'])
  const installed = readdirSync(join(image.workdir, 'node_modules'))
  assert.ok(installed.includes('google-protobuf'))
  assert.not.ok(installed.includes('typescript'))
})

test('names a user by number that is not root', ({ image }) => {
  assert.match(image.user, /^[1-9]\d*:[1-9]\d*$/)
  assert.match(deployment, `runAsUser: ${image.user.split(':')[0]}\n`)
})

test('serves with the arguments of the Deployment, answers its probes, writes nothing and drains', async ({
  image,
}) => {
  const before = contents(image.root)
  const args = listOf('args').map((arg) => arg.replace(/=0\.0\.0\.0:\d+$/, '=127.0.0.1:0'))
  const [entry = '', ...rest] = hostCommand(image.entrypoint)
  const program = startProgram([...rest, ...args, '--memory'], {}, [join(image.workdir, entry)])
  const [, endpoint = ''] = await program.says(/Listening on (http:[\d./:]+)/)
  const [, admin = ''] = await program.says(/Admin at (http:[\d./:]*\d)/)

  for (const [, path] of deployment.matchAll(/path: (\/\w+)/g)) {
    assert.is((await fetch(`${admin}${path}`)).status, 200, path)
  }
  assert.is((await fetch(`${endpoint}/master.images/a`, { method: 'PUT', body: 'a' })).status, 200)
  assert.match(await (await fetch(`${admin}/metrics`)).text(), /^\w+{.*"PutObject".*} 1$/m)

  // The health check asks the image's own port.
  const [flag = '', script = ''] = hostCommand(image.healthcheck)
  await run(process.execPath, [flag, script.replace('http://127.0.0.1:30601', admin)])

  program.child.kill('SIGTERM')
  assert.is((await program.ended).code, 0)
  assert.equal(contents(image.root), before)
})

test('its own arguments are arguments of the program', async ({ image }) => {
  assert.equal(
    image.cmd.filter((arg) => arg.startsWith('--')),
    listOf('args').flatMap((arg) => (/^(--(?:listen|admin))=/.exec(arg) ?? []).slice(1)),
  )
})

test.run()
