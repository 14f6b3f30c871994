import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { parseWords } from './command-line.js'
import { Fault, faultOfWriting } from './fault.js'
import { entry } from './help.js'
import { type AccessKey, readKeysFile } from './keys-file.js'

const usage = `Usage: pfs-s3-gateway keys add FILE [ID]
       pfs-s3-gateway keys list FILE
       pfs-s3-gateway keys remove FILE ID

Maintains the keys file of --auth keys:FILE. A running gateway rereads the file by itself.

${entry('add', 'generate a secret for a new access key and print both; the key acts with the Pachyderm token in PACH_TOKEN, if that is set. The secret is not shown again.')}${entry('list', 'print the access keys, without secrets')}${entry('remove', 'remove an access key')}`

/** An access key id: S3 clients accept 3 to 128 word characters. */
const idPattern = /^\w{3,128}$/

/** Runs `keys`; returns the exit code, and throws a Fault for wrong arguments. */
export async function changeKeys(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const options = { help: { type: 'boolean', short: 'h' } } as const
  const { values, positionals } = parseWords(
    { args: [...words], options, allowPositionals: true },
    { help: 'keys --help' },
  )
  if (values.help === true) {
    process.stdout.write(usage)
    return 0
  }
  const [action, file, id, ...more] = positionals
  if (action === undefined) throw new Fault('keys needs add, list or remove; see keys --help')
  if (!['add', 'list', 'remove'].includes(action)) {
    throw new Fault(`keys takes add, list or remove, not ${JSON.stringify(action)}; see keys --help`)
  }
  if (file === undefined) throw new Fault(`keys ${action} needs the keys file; see keys --help`)
  if (more.length > 0 || (action === 'list' && id !== undefined)) {
    throw new Fault(`Unexpected argument ${JSON.stringify(more[0] ?? id)}; see keys --help`)
  }
  if (action === 'list') list(file)
  else if (action === 'add') add(file, id, env.PACH_TOKEN || undefined)
  else remove(file, id)
  return 0
}

function list(file: string): void {
  for (const [id, { authToken }] of readKeysFile(file)) {
    process.stdout.write(`${id}\t${authToken === undefined ? 'no Pachyderm token' : 'acts with a Pachyderm token'}\n`)
  }
}

function add(file: string, given: string | undefined, authToken: string | undefined): void {
  const id = given ?? `PFS${randomBytes(16).toString('hex').slice(0, 17).toUpperCase()}`
  if (!idPattern.test(id)) {
    throw new Fault(`an access key has 3 to 128 letters, digits and underscores, not ${JSON.stringify(id)}`)
  }
  const keys: ReadonlyMap<string, AccessKey> = existsSync(file) ? readKeysFile(file) : new Map()
  if (keys.has(id)) throw new Fault(`the keys file ${file} already has ${id}; remove it first, or choose another`)
  const secretAccessKey = randomBytes(30).toString('base64url')
  write(file, new Map([...keys, [id, { secretAccessKey, ...(authToken !== undefined && { authToken }) }]]))
  process.stdout.write(`AWS_ACCESS_KEY_ID=${id}\nAWS_SECRET_ACCESS_KEY=${secretAccessKey}\n`)
  if (authToken === undefined) {
    process.stderr.write('PACH_TOKEN is not set, so this key works only while auth is not active in Pachyderm.\n')
  }
}

function remove(file: string, id: string | undefined): void {
  if (id === undefined) throw new Fault('keys remove needs an access key; see keys list FILE')
  const keys = new Map(readKeysFile(file))
  if (!keys.delete(id)) throw new Fault(`the keys file ${file} has no ${JSON.stringify(id)}; see keys list ${file}`)
  // A gateway would keep the keys that it has, this one included.
  if (keys.size === 0) throw new Fault(`${id} is the only access key of ${file}; add another one first`)
  write(file, keys)
}

/** Replaces the file atomically; only its owner can read it. */
function write(file: string, keys: ReadonlyMap<string, AccessKey>): void {
  const temporary = `${file}.new`
  try {
    rmSync(temporary, { force: true })
    writeFileSync(temporary, `${JSON.stringify(Object.fromEntries(keys), null, 2)}\n`, { mode: 0o600, flag: 'wx' })
    chmodSync(temporary, 0o600)
    renameSync(temporary, file)
  } catch (thrown) {
    throw faultOfWriting(`cannot write the keys file ${file}`, thrown)
  }
}
