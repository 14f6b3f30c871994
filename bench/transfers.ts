import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../test/support/root.js'
import { type Client, createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { type Candidate, measure, rate } from './support/rounds.js'
import { type Server, startServer } from './support/server.js'

const kibibyte = 1024
const gibibyte = 1024 ** 3
const piece = Buffer.alloc(1024 * 1024, 'x')

interface Contender {
  readonly name: string
  readonly client: Client
  readonly close: () => Promise<void>
}

/** GET and PUT of 1 KiB and of 1 GiB, in process and over the wire, against a bare handler and s3rver. */
export async function benchTransfers(report: Report): Promise<void> {
  for (const size of [kibibyte, gibibyte]) {
    const contenders = await startContenders(size)
    const title = size === kibibyte ? '1 KiB' : '1 GiB'
    for (const { client } of contenders) await putObject(client, size)
    report.add(
      `GET of ${title}`,
      unitOf(size),
      await measure(
        contenders.map((each) => getRounds(each, size)),
        3,
      ),
    )
    report.add(
      `PUT of ${title}`,
      unitOf(size),
      await measure(
        contenders.map((each) => putRounds(each, size)),
        3,
      ),
    )
    for (const { client, close } of contenders) {
      client.close()
      await close()
    }
  }
}

function unitOf(size: number): string {
  return size === kibibyte ? 'requests a second, 16 at once' : 'MB a second, one at a time'
}

function getRounds({ name, client }: Contender, size: number): Candidate {
  const read = async (): Promise<void> => {
    const bytes = await client.count('/bench/object')
    if (bytes !== size) throw new Error(`${name} sent ${bytes} bytes of ${size}`)
  }
  return { name, round: () => throughput(size, read) }
}

function putRounds({ name, client }: Contender, size: number): Candidate {
  let serial = 0
  // Large objects replace one another, small ones are new: replacing one key over and over would be one commit each.
  return { name, round: () => throughput(size, () => putObject(client, size, size === kibibyte ? serial++ : 0)) }
}

async function throughput(size: number, task: () => Promise<void>): Promise<number> {
  return size === kibibyte ? rate(16, 3000, task) : (await rate(1, 1, task)) * (gibibyte / 1e6)
}

async function putObject(client: Client, size: number, serial?: number): Promise<void> {
  const path = serial === undefined ? '/bench/object' : `/bench/written/${serial}`
  await client.send('PUT', path, size === kibibyte ? piece.subarray(0, size) : { bytes: size, piece })
}

async function startContenders(objectBytes: number): Promise<readonly Contender[]> {
  const bare = await startServer({ kind: 'bare', objectBytes })
  const inProcess = await startServer({ kind: 'gateway' })
  const pfs = await startServer({ kind: 'pfs' })
  const overWire = await startServer({ kind: 'gateway', pachd: `grpc://127.0.0.1:${pfs.port}` })
  const directory = mkdtempSync(join(tmpdir(), 's3rver-'))
  const s3rver = await startServer({ kind: 's3rver', directory, module: s3rverModule() })
  const contenders = [
    contender('bare node:http', bare),
    contender('gateway, PFS in process', inProcess),
    contender('gateway, PFS over the wire', overWire, () => pfs.close()),
    contender('s3rver', s3rver, async () => rmSync(directory, { recursive: true })),
  ]
  for (const { name, client } of contenders) if (name.startsWith('gateway')) await client.send('PUT', '/bench')
  return contenders
}

function contender(name: string, server: Server, alsoClose: () => Promise<void> = async () => undefined): Contender {
  const close = async (): Promise<void> => {
    await server.close()
    await alsoClose()
  }
  return { name, client: createClient(server.url), close }
}

/** s3rver is not a dependency of the package: it is installed beside the results on first use. */
function s3rverModule(): string {
  const home = join(root, 'bench/results/s3rver')
  const module = join(home, 'node_modules/s3rver/lib/s3rver.js')
  if (!existsSync(module)) execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', home, 's3rver@3.7.1'])
  return pathToFileURL(module).href
}
