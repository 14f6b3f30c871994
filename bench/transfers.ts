import { createHash } from 'node:crypto'
import { type Key, presignV4, type Signed, sha256, signedChunkBytes, signV4 } from '../test/support/sign.js'
import { benchColdStart } from './cold-start.js'
import { type Client, createClient } from './support/client.js'
import { buildVersitygw, startS3rver, startVersitygw } from './support/others.js'
import type { Report } from './support/report.js'
import { figureOf, measure, rate } from './support/rounds.js'
import { type Server, startServer } from './support/server.js'

const kibibyte = 1024
const gibibyte = 1024 ** 3
const piece = Buffer.alloc(1024 * 1024, 'x')
const key: Key = { accessKeyId: 'bench', secretAccessKey: 'of the benchmark' }

type Method = 'GET' | 'PUT'

interface Contender {
  readonly name: string
  /** Those for which it is compared. */
  readonly methods: readonly Method[]
  readonly server: Server
  readonly client: Client
  /** The target of a request for a path, which a server that knows its clients needs presigned. */
  readonly targetOf: (method: Method, path: string) => string
}

/** A round of one contender. */
interface Job {
  readonly name: string
  readonly server: Server
  /** Requests or megabytes, which the rate counts. */
  readonly units: number
  /** Signs the requests, which is not measured; the result sends them. */
  readonly prepare: () => () => Promise<unknown>
}

/** GET and PUT of 1 KiB and of 1 GiB, signed bodies and cold starts, beside bare handlers, s3rver and versitygw. */
export async function benchTransfers(report: Report): Promise<void> {
  await benchObjects(report, '1 KiB', kibibyte, 'requests', smallJob)
  await benchObjects(report, '1 GiB', gibibyte, 'MB', largeJob)
  await benchSignedBodies(report)
  await benchColdStart(report)
}

type JobOf = (contender: Contender, method: Method) => Job

async function benchObjects(report: Report, title: string, size: number, unit: string, jobOf: JobOf): Promise<void> {
  const contenders = await startContenders(size)
  const body = size === kibibyte ? piece.subarray(0, size) : { bytes: size, piece }
  for (const { client, targetOf } of contenders) await client.send('PUT', targetOf('PUT', '/bench/object'), body)
  for (const method of ['GET', 'PUT'] as const) {
    const chosen = contenders.filter(({ methods }) => methods.includes(method))
    await race(
      report,
      `${method} of ${title}`,
      unit,
      chosen.map((contender) => jobOf(contender, method)),
    )
  }
  for (const { client, server } of contenders) {
    client.close()
    await server.close()
  }
}

/** 16 clients; a GET is of one object, and each PUT of a new one: those of one key would be a commit each. */
function smallJob({ name, server, client, targetOf }: Contender, method: Method): Job {
  const units = 10_000
  let serial = 0
  return {
    name,
    server,
    units,
    prepare() {
      const targets = Array.from({ length: units }, () =>
        targetOf(method, method === 'GET' ? '/bench/object' : `/bench/written/${serial++}`),
      )
      return () =>
        rate(16, units, async (index) => {
          const target = targets[index] ?? ''
          if (method === 'PUT') await client.send(method, target, piece.subarray(0, kibibyte))
          else requireBytes(name, await client.count(target), kibibyte)
        })
    },
  }
}

/** One client. */
function largeJob({ name, server, client, targetOf }: Contender, method: Method): Job {
  const target = targetOf(method, '/bench/object')
  const run = async (): Promise<void> => {
    if (method === 'PUT') await client.send(method, target, { bytes: gibibyte, piece })
    else requireBytes(name, await client.count(target), gibibyte)
  }
  return { name, server, units: gibibyte / 1e6, prepare: () => run }
}

function requireBytes(name: string, bytes: number, expected: number): void {
  if (bytes !== expected) throw new Error(`${name} sent ${bytes} bytes of ${expected}`)
}

/** Rates by the clock, and by the processor time of the servers, on which other processes have less influence. */
async function race(report: Report, title: string, unit: string, jobs: readonly Job[]): Promise<void> {
  const perProcessorSecond = new Map(jobs.map(({ name }) => [name, [] as number[]]))
  const candidates = jobs.map(({ name, server, units, prepare }) => ({
    name,
    async round() {
      const run = prepare()
      const started = performance.now()
      const usedBefore = server.processorSeconds()
      await run()
      perProcessorSecond.get(name)?.push(units / (server.processorSeconds() - usedBefore))
      return (units * 1000) / (performance.now() - started)
    },
  }))
  report.add(title, `${unit} a second`, await measure(candidates, 3))
  const figures = [...perProcessorSecond].map(([name, [, ...counted]]) => figureOf(name, counted))
  report.add(title, `${unit} for a second of the server's processor`, figures)
}

async function startContenders(objectBytes: number): Promise<readonly Contender[]> {
  const methods = ['GET', 'PUT'] as const
  const hashing = await startServer({ kind: 'bare', objectBytes, hashes: ['md5'] })
  const contenders = [
    contender('bare node:http', methods, await startServer({ kind: 'bare', objectBytes, hashes: [] })),
    contender('bare, MD5 of the body', ['PUT'], hashing),
    contender('gateway, PFS in memory', methods, await startServer({ kind: 'gateway', cacheBytes: null })),
    contender('s3rver', methods, await startS3rver()),
  ]
  if (objectBytes === gibibyte) {
    const dropping = await startServer({ kind: 'gateway', cacheBytes: null, dropsBodies: true })
    contenders.splice(2, 0, contender('gateway, PFS drops the body', ['PUT'], dropping))
  }
  const versitygw = buildVersitygw()
  if (versitygw !== undefined) {
    contenders.push(contender('versitygw', methods, await startVersitygw(versitygw, key), presigned))
  }
  for (const { name, client, targetOf } of contenders) {
    if (name !== 's3rver') await client.send('PUT', targetOf('PUT', '/bench'))
  }
  return contenders
}

function contender(
  name: string,
  methods: readonly Method[],
  server: Server,
  targetOf = (_: Server): Contender['targetOf'] =>
    (_method, path) =>
      path,
): Contender {
  return { name, methods, server, client: createClient(server.url), targetOf: targetOf(server) }
}

function presigned({ port }: Server): Contender['targetOf'] {
  return (method, target) =>
    presignV4({ method, target, headers: { host: `127.0.0.1:${port}` } }, { key, expires: '3600' }).target
}

const signedBytes = 256 * 1024 ** 2

/** The same body, with a signature of its hash, and in chunks of 64 KiB with a signature each. */
async function benchSignedBodies(report: Report): Promise<void> {
  const gateway = await startServer({ kind: 'gateway', cacheBytes: null, dropsBodies: true, key })
  const servers = new Map([['gateway', gateway]])
  const versitygw = buildVersitygw()
  if (versitygw !== undefined) servers.set('versitygw', await startVersitygw(versitygw, key))
  const body = Buffer.alloc(signedBytes, 'x')
  const hash = createHash('sha256').update(body).digest('hex')
  const chunk = body.subarray(0, 64 * 1024)
  const chunks = new Array<Buffer>(signedBytes / chunk.length).fill(chunk)
  const jobs: Job[] = []
  for (const [name, server] of servers) {
    const client = createClient(server.url)
    const signed = (target: string, payloadHash: string, headers = {}): Signed =>
      signV4({ method: 'PUT', target, headers: { host: `127.0.0.1:${server.port}`, ...headers } }, { key, payloadHash })
    const send = ({ target, headers }: Signed, sent: Uint8Array) => client.send('PUT', target, sent, headers)
    await send(signed('/bench', sha256('')), Buffer.alloc(0))
    const units = signedBytes / 1e6
    const whole = (): Signed => signed('/bench/object', hash)
    const inChunks = (): Signed =>
      signed('/bench/object', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', {
        'x-amz-decoded-content-length': `${signedBytes}`,
        'content-encoding': 'aws-chunked',
      })
    jobs.push(
      {
        name: `${name}, signed hash`,
        server,
        units,
        prepare() {
          const request = whole()
          return () => send(request, body)
        },
      },
      {
        name: `${name}, signed chunks`,
        server,
        units,
        prepare() {
          const request = inChunks()
          const framed = signedChunkBytes(request, key, chunks)
          return () => send(request, framed)
        },
      },
    )
  }
  await race(report, 'PUT of 256 MiB, signed', 'MB', jobs)
  for (const server of servers.values()) await server.close()
}
