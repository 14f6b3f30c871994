import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../../test/support/root.js'
import type { Key } from '../../test/support/sign.js'
import { type Server, startCommand, startServer } from './server.js'

/** The servers of others are installed beside the results on first use, since the package does not depend on them. */
const results = join(root, 'bench/results')

/** s3rver, with a bucket `bench` in a new directory. */
export async function startS3rver(): Promise<Server> {
  const home = join(results, 's3rver')
  const module = join(home, 'node_modules/s3rver/lib/s3rver.js')
  if (!existsSync(module)) execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', home, 's3rver@3.7.1'])
  const directory = mkdtempSync(join(tmpdir(), 's3rver-'))
  const server = await startServer({ kind: 's3rver', directory, module: pathToFileURL(module).href })
  return removing(server, directory)
}

/** The path of versitygw's program; undefined, with a line that says so, if it cannot be built. */
export function buildVersitygw(): string | undefined {
  const home = join(results, 'versitygw')
  const program = join(home, 'versitygw')
  if (existsSync(program)) return program
  mkdirSync(home, { recursive: true })
  const install = ['install', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0']
  const { status } = spawnSync('go', install, { env: { ...process.env, GOBIN: home }, stdio: 'ignore' })
  if (status === 0) return program
  console.log('versitygw is left out: Go is missing, or cannot install it.')
  return undefined
}

/** versitygw over files in a new directory; its root user has `key`. */
export async function startVersitygw(program: string, key: Key): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), 'versitygw-'))
  for (const name of ['files', 'attributes']) mkdirSync(join(directory, name))
  const files = ['posix', '--sidecar', join(directory, 'attributes'), join(directory, 'files')]
  const settings = { ROOT_ACCESS_KEY: key.accessKeyId, ROOT_SECRET_KEY: key.secretAccessKey }
  const server = await startCommand(
    (port) => [program, '--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', ...files],
    settings,
  )
  return removing(server, directory)
}

/** The same server, which removes a directory when it has ended. */
function removing(server: Server, directory: string): Server {
  return {
    ...server,
    async close() {
      await server.close()
      rmSync(directory, { recursive: true })
    },
  }
}
