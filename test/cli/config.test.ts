import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { settingNames } from '../../lib/cli/settings.js'
import { runProgram, startListening } from '../support/program.js'
import { fileOf } from '../support/root.js'
import { createScratch } from './scratch.js'

const test = suite('the configuration')
const scratch = createScratch()
test.after(() => scratch.remove())

const yaml = `# A comment.
listen: ':9000'
memory: true
rootToken: token-of-root
domains: [s3.example.com]
bucketAliases:
  data: master.images
shareCommits: false
cacheBytes: 0
drainSeconds: 5
cors:
  - { allowedOrigins: ['https://app.example.com'], allowedMethods: [GET] }
`

async function printed(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runProgram([...args, '--print-config'], env)
  assert.equal([code, stderr], [0, ''])
  return JSON.parse(stdout)
}

test('--config in YAML; --print-config prints the effective settings without secrets, in the format of --config', async () => {
  const file = scratch.file('gateway.yaml', yaml)
  const config = await printed(['--config', file])
  assert.equal(config.listen, ':9000')
  assert.equal(config.cors, [{ allowedOrigins: ['https://app.example.com'], allowedMethods: ['GET'] }])
  assert.equal([config.shareCommits, config.cacheBytes, config.rootToken], [false, 0, '...'])
  assert.equal([config.bucketAliases, config.log, config.keepAliveSeconds], [{ data: 'master.images' }, 'text', 120])
  const again = scratch.file('again.json', JSON.stringify(config))
  assert.equal(await printed(['--config', again]), config)
})

test('flags override the environment, which overrides the file', async () => {
  const file = scratch.file(
    'order.json',
    '{"region": "of-file", "basePath": "/file", "drainSeconds": 1, "memory": true}',
  )
  const env = {
    PFS_S3_CONFIG: file,
    PFS_S3_REGION: 'of-env',
    PFS_S3_BASE_PATH: '/env',
    PFS_S3_DOMAINS: 'a.test, b.test',
  }
  const { region, basePath, drainSeconds, domains } = await printed(['--region', 'of-flag'], env)
  assert.equal([region, basePath, drainSeconds, domains], ['of-flag', '/env', 1, ['a.test', 'b.test']])
})

test('memory and pachd: the source with precedence counts; both in the same source are an error', async () => {
  const file = scratch.file('pachd.json', '{"pachd": "grpc://localhost:1"}')
  assert.is((await printed(['--config', file, '--memory'])).pachd, undefined)
  assert.is((await printed(['--config', file], { PACHD_ADDRESS: 'grpc://localhost:2' })).pachd, 'grpc://localhost:2')
  const both = scratch.file('both.json', '{"pachd": "grpc://localhost:1", "memory": true}')
  const { stderr } = await runProgram(['--config', both])
  assert.is(stderr, `pfs-s3-gateway: memory in ${both} and pachd in ${both} exclude each other\n`)
})

for (const [name, content, told] of [
  ['unknown.yaml', 'lissten: ":1"', ': "lissten" is not a setting; did you mean listen?'],
  ['flag.yaml', 'tls-cert: x', ': "tls-cert" is not a setting; did you mean tlsCert?'],
  ['far.json', '{"whatever": 1}', ': "whatever" is not a setting; docs/options.md has their names'],
  ['syntax.yaml', 'listen: ":1"\nrootToken: "secret', ', line 2: Missing closing "quote'],
  ['twice.yaml', 'listen: ":1"\nlisten: ":2"', ', line 2: Map keys must be unique'],
  ['list.json', '[]', ' must be an object of settings, such as {"listen": ":30600"}'],
] as const) {
  test(`an unusable file prints one line: ${name}`, async () => {
    const file = scratch.file(name, content)
    const { code, stderr } = await runProgram(['--config', file])
    assert.is(code, 1)
    assert.match(stderr, /^[^\n]+\n$/)
    assert.is(stderr, `pfs-s3-gateway: ${file}${told}\n`)
  })
}

test('an invalid option in the file is named together with the file', async () => {
  const file = scratch.file(
    'refused.yaml',
    'memory: true\ncors: [{ allowedOrigins: ["*"], allowedMethods: [OPTIONS] }]',
  )
  for (const words of [[], ['--print-config']]) {
    const { code, stdout, stderr } = await runProgram(['--config', file, ...words])
    assert.equal([code, stdout], [1, ''])
    assert.match(
      stderr,
      `pfs-s3-gateway: ${file}: cors[0].allowedMethods[0] must be one of GET, PUT, HEAD, POST, DELETE`,
    )
  }
})

for (const [content, told] of [
  ['bucketAliases: 5', 'bucketAliases in FILE takes an object of texts, not 5'],
  ['bucketAliases: { data: 5 }', 'bucketAliases in FILE: data must be text, not 5'],
  ['objectRecords: false', 'objectRecords in FILE takes all, needed or off, not false'],
  ['wait: .inf', 'wait in FILE takes a whole number of seconds from 0 to 2147483, not Infinity'],
  ['tlsCert: a.pem', 'tlsCert in FILE needs --tls-key as well'],
  [
    'pachd: http://localhost:30650',
    'pachd in FILE: "http://localhost:30650" is not a PFS address: the scheme must be grpc or grpcs',
  ],
  ['cors: {}', 'FILE: cors must be a list; it is {}'],
] as const) {
  test(`--print-config refuses a wrong value of the file: ${content}`, async () => {
    const file = scratch.file('value.yaml', content)
    const { code, stdout, stderr } = await runProgram(['--config', file, '--print-config'])
    assert.equal([code, stdout], [1, ''])
    assert.ok(stderr.startsWith(`pfs-s3-gateway: ${told.replace('FILE', file)}`), stderr)
  })
}

for (const [env, told] of [
  [{ PFS_S3_LISSEN: '1' }, 'PFS_S3_LISSEN is not a setting; did you mean PFS_S3_LISTEN?'],
  [{ PFS_S3_LISTEN: 'here' }, 'PFS_S3_LISTEN takes HOST:PORT, :PORT or PORT, not "here"'],
  [{ PFS_S3_CORS: '[' }, 'PFS_S3_CORS takes JSON'],
  [{ PFS_S3_MEMORY: 'yes' }, 'PFS_S3_MEMORY takes true or false, not "yes"'],
  [
    { PFS_S3_MEMORY: 'true', PFS_S3_BASE_PATH: 's3' },
    'PFS_S3_BASE_PATH must look like "/s3", without a trailing slash; it is "s3"',
  ],
] as const) {
  test(`the environment: ${told}`, async () => {
    const { code, stderr } = await runProgram([], env)
    assert.equal([code, stderr], [1, `pfs-s3-gateway: ${told}\n`])
  })
}

test('the variables that Kubernetes sets for a Service named pfs-s3-gateway are ignored', async () => {
  const env = {
    PFS_S3_GATEWAY_SERVICE_HOST: '10.0.0.1',
    PFS_S3_GATEWAY_SERVICE_PORT_S3: '30600',
    PFS_S3_GATEWAY_PORT: 'tcp://10.0.0.1:30600',
    PFS_S3_GATEWAY_PORT_30600_TCP_ADDR: '10.0.0.1',
  }
  assert.is((await printed(['--memory'], env)).memory, true)
})

test('options of the file reach the handler', async () => {
  const file = scratch.file('served.yaml', yaml.replace(/listen.*\n|rootToken.*\n|domains.*\n/g, ''))
  const gateway = await startListening(['--config', file])
  const answer = await fetch(`${gateway.endpoint}/data`, { headers: { origin: 'https://app.example.com' } })
  assert.equal([answer.status, answer.headers.get('access-control-allow-origin')], [200, 'https://app.example.com'])
  await answer.text()
  await gateway.stop()
})

test('--port-file: the listening addresses, as JSON, until the program exits', async () => {
  const file = scratch.file('port.json', '')
  const gateway = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0', '--port-file', file])
  const { s3, pid, pfs } = JSON.parse(readFileSync(file, 'utf8'))
  assert.equal([s3, pid], [gateway.endpoint, gateway.child.pid])
  assert.match(pfs, /^grpc:\/\/127\.0\.0\.1:\d+$/)
  await gateway.stop()
  assert.is(existsSync(file), false)
})

test('--port-file: a file that cannot be removed is an error, and the program drains', async () => {
  const file = scratch.file('lost.json', '')
  const gateway = await startListening(['--memory', '--port-file', file])
  rmSync(file)
  mkdirSync(file)
  const { code, stderr } = await gateway.stop()
  assert.is(code, 0)
  assert.match(stderr, `error: --port-file: cannot remove ${file}: it is a directory`)
})

test('docs/options.md names every setting', () => {
  const page = readFileSync(fileOf('docs/options.md'), 'utf8')
  for (const name of settingNames) assert.ok(page.includes(`| \`${name}\` |`), name)
})

test.run()
