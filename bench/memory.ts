import { createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { type Figure, figureOf, rate } from './support/rounds.js'
import { type Server, startProgram, startServer } from './support/server.js'

const mebibyte = 1024 ** 2
const piece = Buffer.alloc(mebibyte, 'x')

/** Transfers of one kind, and their concurrency. */
interface Load {
  readonly name: string
  readonly method: 'PUT' | 'GET'
  readonly bytes: number
  readonly count: number
  readonly atOnce: number
  /** Whether they are the parts of one upload. */
  readonly parts?: boolean
}

const one = { count: 1, atOnce: 1 }
const many = { bytes: 32 * mebibyte, count: 128, atOnce: 64 }

const loads: readonly Load[] = [
  { name: '32 MiB put', method: 'PUT', bytes: 32 * mebibyte, ...one },
  { name: '32 MiB got', method: 'GET', bytes: 32 * mebibyte, ...one },
  { name: '1 GiB put', method: 'PUT', bytes: 1024 * mebibyte, ...one },
  { name: '1 GiB got', method: 'GET', bytes: 1024 * mebibyte, ...one },
  {
    name: '300 MB in parts of 8 MiB, ten at once',
    method: 'PUT',
    bytes: 8 * mebibyte,
    count: 36,
    atOnce: 10,
    parts: true,
  },
  { name: '32 MiB put, 64 at once', method: 'PUT', ...many },
  { name: '32 MiB got, 64 at once', method: 'GET', ...many },
]

/**
 * Peak resident memory of the built program while large bodies pass through it over the wire. Each load gets a new
 * process, since memory that one load has used stays resident for the next.
 */
export async function benchMemory(report: Report): Promise<void> {
  const figures: Figure[] = []
  for (const load of loads) {
    const peaks: number[] = []
    for (let round = 0; round < 3; round += 1) peaks.push(await peakOf(load))
    figures.push(figureOf(load.name, peaks))
  }
  report.add('resident memory of the gateway process', 'MiB', figures)
  const medianOf = (name: string): number => figures.find((figure) => figure.name === name)?.median ?? Number.NaN
  const added = ['put', 'got'].map((kind) => {
    const added = (medianOf(`32 MiB ${kind}, 64 at once`) - medianOf(`32 MiB ${kind}`)) / (many.atOnce - 1)
    return figureOf(`32 MiB ${kind}`, [added])
  })
  report.add('what one more transfer at once adds', 'MiB', added)
}

/** In MiB. */
async function peakOf({ method, bytes, count, atOnce, parts = false }: Load): Promise<number> {
  const pfs = await startServer({ kind: 'pfs' })
  const gateway = await startProgram('--pachd', `grpc://127.0.0.1:${pfs.port}`)
  const client = createClient(gateway.url)
  await client.send('PUT', '/bench')
  if (method === 'GET') await seed(pfs.port, bytes)
  const pathOf = parts ? await partsOf(client) : (index: number) => `/bench/large/${method === 'GET' ? 0 : index}`
  const peak = await watch(gateway, () =>
    rate(atOnce, count, (index) =>
      method === 'GET' ? client.count(pathOf(index)) : client.send('PUT', pathOf(index), { bytes, piece }),
    ),
  )
  client.close()
  await gateway.close()
  await pfs.close()
  return peak / mebibyte
}

/** Puts the object that is got, by another gateway, so that the one that is measured has done nothing yet. */
async function seed(pfsPort: number, bytes: number): Promise<void> {
  const gateway = await startProgram('--pachd', `grpc://127.0.0.1:${pfsPort}`)
  const client = createClient(gateway.url)
  await client.send('PUT', '/bench/large/0', { bytes, piece })
  client.close()
  await gateway.close()
}

async function partsOf(client: ReturnType<typeof createClient>): Promise<(index: number) => string> {
  const started = (await client.send('POST', '/bench/parts?uploads')).toString()
  const uploadId = /<UploadId>([^<]+)</.exec(started)?.[1] ?? ''
  return (index) => `/bench/parts?partNumber=${index + 1}&uploadId=${uploadId}`
}

/** The most bytes that were resident while something ran. */
async function watch(server: Server, work: () => Promise<unknown>): Promise<number> {
  let most = server.residentBytes()
  const timer = setInterval(() => {
    most = Math.max(most, server.residentBytes())
  }, 20)
  await work()
  clearInterval(timer)
  return most
}
