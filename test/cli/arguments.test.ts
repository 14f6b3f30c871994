import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseArguments } from '../../lib/cli/arguments.js'
import { Fault } from '../../lib/cli/fault.js'
import { settingNames, settings } from '../../lib/cli/settings.js'
import { optionNames } from '../../lib/options.js'
import { runProgram } from '../support/program.js'

const test = suite('the arguments')

async function serveArguments(...words: string[]) {
  const command = await parseArguments(words)
  if (command.name !== 'serve') throw new Error(`the command is ${command.name}`)
  return command.arguments
}

for (const [words, message] of [
  [['--nonsense'], "Unknown option '--nonsense'; see --help"],
  [['doctr'], "Unexpected argument 'doctr'; did you mean doctor?"],
  [['serve'], "Unexpected argument 'serve'; see --help"],
  [['--listen'], '--listen needs a value'],
  [['--memory=yes'], "Option '--memory' does not take an argument; see --help"],
  [['--pachd', ''], '--pachd needs a value'],
  [['--domain', 'a', '--domain', ''], '--domain needs a value'],
  [['--bucket-alias', 'data'], '--bucket-alias takes ALIAS=BUCKET, not "data"'],
  [['--bucket-alias', 'data=a', '--bucket-alias', 'data=b'], '--bucket-alias names "data" twice'],
  [['--root-token='], '--root-token needs a value'],
  [['--memroy'], "Unknown option '--memroy'; did you mean --memory?"],
  [['--lsiten', ':1'], "Unknown option '--lsiten'; did you mean --listen?"],
  [['--basepath', '/s3'], "Unknown option '--basepath'; did you mean --base-path?"],
  [['--root_token', 'x'], "Unknown option '--root_token'; did you mean --root-token?"],
  [['--domains', 'x'], "Unknown option '--domains'; did you mean --domain?"],
  [['--port', '80'], "Unknown option '--port'; did you mean --listen?"],
  [['-v'], "Unknown option '-v'; did you mean --version?"],
  [['--listen', 'localhost'], '--listen takes HOST:PORT, :PORT or PORT, not "localhost"'],
  [['--listen', 'localhost:65536'], '--listen: a port is at most 65535, not 65536'],
  [['--listen', '::1:30600'], '--listen takes HOST:PORT, :PORT or PORT, not "::1:30600"'],
  [['--serve-pfs', 'localhost'], '--serve-pfs takes HOST:PORT, :PORT or PORT, not "localhost"'],
  [['--memory', '--pachd', 'grpc://localhost:30650'], '--memory and --pachd exclude each other'],
  [['--auth', 'keys'], '--auth takes pachyderm, none or keys:FILE, not "keys"'],
  [['--auth', 'keys:'], '--auth takes pachyderm, none or keys:FILE, not "keys:"'],
  [['--log', 'xml'], '--log takes text, json or off, not "xml"'],
  [['--drain-seconds', '1.5'], '--drain-seconds takes a whole number of seconds from 0 to 2147483, not "1.5"'],
  [['--drain-seconds', '2147484'], '--drain-seconds takes a whole number of seconds from 0 to 2147483, not "2147484"'],
  [['--cache-bytes', '-1'], '--cache-bytes takes a whole number of bytes, not "-1"'],
  [['--max-header-bytes', '0'], '--max-header-bytes takes a whole number of bytes, at least 1024, not "0"'],
  [['--max-connections', 'many'], '--max-connections takes a whole number, at least 1, not "many"'],
  [['--workers', '0'], '--workers takes a whole number from 1 to 256, not "0"'],
  [['--share-commits', 'no'], '--share-commits takes true or false, not "no"'],
  [['--key-encoding', 'utf8'], '--key-encoding takes percent or refuse, not "utf8"'],
  [['--sweep-uploads', '7'], '--sweep-uploads takes an age such as 7d, not "7"'],
  [['--config', '/no/such.yaml'], 'cannot read the configuration file /no/such.yaml: there is no such file'],
  [['--region', '--memory'], '--region needs a value'],

  [['--tls-cert', 'cert.pem'], '--tls-cert needs --tls-key as well'],
  [['--tls-key', 'key.pem'], '--tls-key needs --tls-cert as well'],
] as const) {
  test(`refused: ${words.join(' ')}`, async () => {
    const error: unknown = await parseArguments(words).catch((reason) => reason)
    assert.instance(error, Fault)
    assert.is((error as Fault).message, message)
  })
}

test('defaults: loopback, port 30600, mode pachyderm', async () => {
  assert.equal(await serveArguments(), {
    listen: { host: '127.0.0.1', port: 30600 },
    memory: false,
    waitMilliseconds: 0,
    auth: { mode: 'pachyderm' },
    log: 'text',
    printAddresses: false,
    workers: 1,
    limits: {
      maxConnections: undefined,
      maxHeaderBytes: 16384,
      headersMilliseconds: 60_000,
      idleMilliseconds: 600_000,
      keepAliveMilliseconds: 120_000,
    },
    handlerOptions: {},
    optionSources: new Map(),
    drainDelaySeconds: 0,
    drainSeconds: 25,
  })
})

test(':PORT listens on all interfaces, PORT alone on loopback', async () => {
  assert.equal((await serveArguments('--listen', ':30600')).listen, { host: '', port: 30600 })
  assert.equal((await serveArguments('--listen', '30600')).listen, { host: '127.0.0.1', port: 30600 })
})

test('an IPv6 address needs brackets', async () => {
  assert.equal((await serveArguments('--listen', '[::1]:80')).listen, { host: '::1', port: 80 })
})

test('a file name may contain a colon', async () => {
  assert.equal((await serveArguments('--auth', 'keys:C:/keys.json')).auth, { mode: 'keys', file: 'C:/keys.json' })
})

test('--domain may be repeated', async () => {
  const { handlerOptions } = await serveArguments('--domain', 's3.test', '--domain', 's3.example')
  assert.equal(handlerOptions, { domains: ['s3.test', 's3.example'] })
})

test('--bucket-alias may be repeated, but not for the same alias', async () => {
  const words = ['--bucket-alias', 'data=master.images', '--bucket-alias', 'more=a=b', '--bucket-separator=--']
  const { handlerOptions } = await serveArguments(...words)
  assert.equal(handlerOptions, { bucketAliases: { data: 'master.images', more: 'a=b' }, bucketSeparator: '--' })
})

test('every option of the handler can be set, but its functions', () => {
  const ofProgram = settingNames.filter((name) => settings[name].isHandlerOption)
  assert.equal(ofProgram.toSorted(), optionNames.filter((name) => !/^on[A-Z]/.test(name)).toSorted())
})

test('a wrong argument prints one line and exits with 1', async () => {
  const { code, stdout, stderr } = await runProgram(['--nonsense'])
  assert.equal([code, stdout, stderr], [1, '', "pfs-s3-gateway: Unknown option '--nonsense'; see --help\n"])
})

test('--help lists every option', async () => {
  const { code, stdout, stderr } = await runProgram(['--help'])
  assert.equal([code, stderr], [0, ''])
  for (const option of ['--listen', '--pachd', '--memory', '--root-token', '--serve-pfs', '--auth', '--tls-cert']) {
    assert.match(stdout, option)
  }
})

test('--version prints the version of the package', async () => {
  const { code, stdout } = await runProgram(['--version'])
  assert.is(code, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

test('a busy port prints one line', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { code, stderr } = await runProgram(['--memory', '--listen', `127.0.0.1:${port}`])
  other.close()
  const expected = `pfs-s3-gateway: cannot listen on 127.0.0.1:${port}: another program listens there\n`
  assert.equal([code, stderr], [1, expected])
})

test.run()
