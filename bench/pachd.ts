import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { type Branch, createPfsClient, fileSetRepo, type PfsClient } from '../lib/index.js'
import { createJobFiles, findJobClients, type JobClient, type JobFiles, requireFiles } from './jobs.js'
import { type Client, createClient } from './support/client.js'
import { residentBytesOf } from './support/process-usage.js'
import { rate } from './support/rounds.js'
import { type Server, startServer } from './support/server.js'
import { type Cell, markdownTable, type Row, saveTable } from './support/table.js'

const mebibyte = 1024 ** 2
const piece = Buffer.alloc(mebibyte, 'x')

/** How much is done. The short form is for CI: it shows ratios and counts, on any machine. */
const sizes = {
  full: { rounds: 3, treeFiles: 300, largeBytes: 256 * mebibyte, requests: 240, ownRequests: 24 },
  short: { rounds: 1, treeFiles: 20, largeBytes: 12 * mebibyte, requests: 32, ownRequests: 4 },
}
type Sizes = (typeof sizes)['full']

/** An S3 server over the measured pachd, and its bucket. */
interface Contender {
  readonly name: string
  readonly url: string
  readonly bucket: string
  readonly client: Client
  /** Whether it is pachd's own gateway, which is given less to do. */
  readonly isOwn: boolean
  /** Undefined if the process is not known here. */
  residentBytes(): number | undefined
  calls(): Promise<number | undefined>
  close(): Promise<void>
}

const ownName = "pachd's own"
const rawName = 'raw gRPC'

/** One row of the table: the work of a contender in a round. */
interface Workload {
  readonly title: string
  readonly unit: Row['unit']
  /** Returns the figure and the number of S3 requests; undefined to measure its seconds. */
  round(contender: Contender, serial: string): Promise<{ figure: number; requests: number } | undefined>
}

/** How much the benchmark does. */
interface PachdSettings {
  readonly isShort: boolean
  /** @default 3, in the short form 1 */
  readonly rounds?: number
}

/**
 * The gateway beside pachd's own, both over the pachd that the environment names: `PACHD` (grpc://…), `PACHD_OWN_S3`
 * (http://…) and, for its memory, `PACHD_PID`. Auth must not be active there.
 */
export async function benchPachd({ isShort, rounds }: PachdSettings): Promise<void> {
  const { PACHD: pachd, PACHD_OWN_S3: ownUrl } = process.env
  if (pachd === undefined) throw new Error('Set PACHD to a running pachd; test/README.md says how to get one.')
  const size = { ...(isShort ? sizes.short : sizes.full), ...(rounds !== undefined && { rounds }) }
  const pfs = createPfsClient(pachd)
  const contenders = await startContenders(pachd, ownUrl)
  const files = createJobFiles(size.treeFiles, size.largeBytes)
  const rows = new Map<string, Row>()
  const started = Date.now()
  for (let round = 0; round < size.rounds; round += 1) {
    for (const workload of [...jobsOf(files, isShort), ...requestsOf(size), ...uploadsOf(size)]) {
      for (const contender of contenders) await measure(rows, workload, contender, `${round}`)
      if (workload.title.startsWith('PUT of') && workload.unit === 'seconds')
        addFigure(rows, workload, rawName, await rawUpload(pfs, size.largeBytes))
    }
    console.log(`round ${round + 1} of ${size.rounds}: ${Math.round((Date.now() - started) / 1000)} s`)
  }
  const memory = { title: 'resident memory after it', unit: 'MiB' } as const
  for (const contender of contenders) {
    const bytes = contender.residentBytes()
    if (bytes !== undefined) addFigure(rows, memory, contender.name, { figures: [bytes / mebibyte] })
    await contender.close()
  }
  files.remove()
  pfs.close()
  const names = [...contenders.map(({ name }) => name), rawName]
  const table = [...rows.values()]
  console.log(`\n${markdownTable(table, names)}\n\nkept in ${saveTable(table, names)}.json, .md and .svg`)
}

async function startContenders(pachd: string, ownUrl: string | undefined): Promise<readonly Contender[]> {
  const id = Date.now().toString(36)
  const contenders: Contender[] = []
  if (ownUrl !== undefined) {
    const client = createClient(ownUrl)
    contenders.push({
      name: ownName,
      url: ownUrl,
      bucket: `master.bench-own-${id}`,
      client,
      isOwn: true,
      residentBytes: () => (process.env.PACHD_PID ? residentBytesOf(Number(process.env.PACHD_PID)) : undefined),
      calls: async () => undefined,
      close: async () => client.close(),
    })
  }
  const off = await startServer({ kind: 'gateway', pachd, cacheBytes: null, objectRecords: 'off' })
  const on = await startServer({ kind: 'gateway', pachd, cacheBytes: null })
  contenders.push(gatewayContender('gateway, objectRecords off', off, `master.bench-off-${id}`))
  contenders.push(gatewayContender('gateway, default options', on, `master.bench-on-${id}`))
  for (const { client, bucket } of contenders) await client.send('PUT', `/${bucket}`)
  return contenders
}

function gatewayContender(name: string, server: Server, bucket: string): Contender {
  const client = createClient(server.url)
  return {
    name,
    url: server.url,
    bucket,
    client,
    isOwn: false,
    residentBytes: server.residentBytes,
    calls: async () => Object.values(await server.calls()).reduce((sum, count) => sum + count, 0),
    close: async () => {
      client.close()
      await server.close()
    },
  }
}

async function measure(
  rows: Map<string, Row>,
  workload: Workload,
  contender: Contender,
  serial: string,
): Promise<void> {
  const before = await contender.calls()
  const started = performance.now()
  const result = await workload.round(contender, serial)
  const figure = result?.figure ?? (performance.now() - started) / 1000
  const after = await contender.calls()
  const isCounted = before !== undefined && after !== undefined && result !== undefined
  addFigure(rows, workload, contender.name, {
    figures: [figure],
    ...(isCounted && { calls: (after - before) / result.requests }),
  })
}

function addFigure(rows: Map<string, Row>, { title, unit }: Pick<Row, 'title' | 'unit'>, name: string, cell: Cell) {
  const row = rows.get(title) ?? { title, unit, cells: new Map<string, Cell>() }
  const figures = [...(row.cells.get(name)?.figures ?? []), ...cell.figures]
  rows.set(title, { ...row, cells: new Map([...row.cells, [name, { ...cell, figures }]]) })
}

/** In the short form only the copies of small files: a client takes a second to start. */
function jobsOf(files: JobFiles, isShort: boolean): readonly Workload[] {
  const clients = findJobClients().slice(0, isShort ? 1 : undefined)
  return clients.flatMap((client) => [...treeJobs(client, files), ...(isShort ? [] : largeJobs(client, files))])
}

function treeJobs(client: JobClient, files: JobFiles): readonly Workload[] {
  const prefix = `tree-${client.name.replaceAll(' ', '-')}`
  const title = `${client.name}, ${files.treeFiles} small files`
  return [
    {
      title: `${title} up`,
      unit: 'seconds',
      round: ({ url, bucket }, serial) =>
        seconds(client.copyUp(url, files.tree, `${bucket}/${prefix}/${serial}/`), files),
    },
    {
      title: `${title} down`,
      unit: 'seconds',
      round: async ({ url, bucket }, serial) => {
        const to = files.newDirectory()
        const result = await seconds(client.copyDown(url, `${bucket}/${prefix}/${serial}/`, to), files)
        requireFiles(to, files.treeFiles)
        return result
      },
    },
  ]
}

async function seconds(work: Promise<void>, { treeFiles }: JobFiles): Promise<{ figure: number; requests: number }> {
  const started = performance.now()
  await work
  return { figure: (performance.now() - started) / 1000, requests: treeFiles }
}

function largeJobs(client: JobClient, files: JobFiles): readonly Workload[] {
  const key = `large-${client.name.replaceAll(' ', '-')}`
  const bytes = statSync(files.largeFile).size
  const title = `${client.name}, a file of ${bytes / mebibyte} MiB`
  return [
    {
      title: `${title} up`,
      unit: 'seconds',
      round: async ({ url, bucket }) => void (await client.copyUp(url, files.largeFile, `${bucket}/${key}`)),
    },
    {
      title: `${title} down`,
      unit: 'seconds',
      round: async ({ url, bucket }) => {
        const to = files.newDirectory()
        await client.copyDown(url, `${bucket}/${key}`, to)
        if (statSync(to).size !== bytes) throw new Error('the copy has another size')
        return undefined
      },
    },
  ]
}

/** Requests for small objects, each kind by one client and by sixteen. */
function requestsOf({ requests, ownRequests }: Sizes): readonly Workload[] {
  const count = ({ isOwn }: Contender, atOnce: number): number => {
    const most = isOwn ? ownRequests : requests
    return atOnce === 1 ? Math.max(4, Math.floor(most / 4)) : Math.max(16, most)
  }
  const kind = (name: string, task: (contender: Contender, path: string) => Promise<unknown>, known: boolean) =>
    [1, 16].map((atOnce): Workload => {
      const pathOf = ({ bucket }: Contender, serial: string, index: number): string =>
        `/${bucket}/small/${atOnce}/${serial}/${index}`
      return {
        title: `${name}, ${atOnce} at once`,
        unit: 'a second',
        round: async (contender, serial) => {
          const tasks = count(contender, atOnce)
          const one = (index: number) => task(contender, pathOf(contender, serial, index))
          if (known) await rate(atOnce, Math.min(16, tasks), one)
          const figure = await rate(atOnce, tasks, (index) => one(known ? index % 16 : index))
          return { figure, requests: tasks + (known ? Math.min(16, tasks) : 0) }
        },
      }
    })
  return [
    ...kind('PUT of 1 KiB', ({ client }, path) => client.send('PUT', path, randomBytes(1024)), false),
    // These are read for the first time; the next ones have just been read.
    ...kind('GET of 1 KiB, content unknown', ({ client }, path) => client.count(path), false),
    ...kind('GET of 1 KiB, content known', ({ client }, path) => client.count(path), true),
    ...kind('HEAD', ({ client }, path) => client.send('HEAD', path), true),
  ]
}

function uploadsOf({ largeBytes }: Sizes): readonly Workload[] {
  const title = `PUT of ${largeBytes / mebibyte} MiB in one stream`
  return [
    {
      title,
      unit: 'seconds',
      round: async ({ client, bucket }) =>
        void (await client.send('PUT', `/${bucket}/stream`, { bytes: largeBytes, piece })),
    },
  ]
}

/** The same bytes by gRPC alone: into a file set, and by a copy into a commit. */
async function rawUpload(pfs: PfsClient, bytes: number): Promise<Cell> {
  const branch: Branch = { repo: { project: 'default', name: `bench-raw-${Date.now()}`, type: 'user' }, name: 'master' }
  await pfs.createRepo({ repo: branch.repo })
  await pfs.createBranch({ branch })
  const started = performance.now()
  function* operations() {
    for (let left = bytes; left > 0; left -= piece.length) yield { addFile: { path: '/body', raw: piece } }
  }
  const id = await pfs.createFileSet(operations())
  const src = { commit: { repo: fileSetRepo, id }, path: '/body' }
  await pfs.modifyFile({ repo: branch.repo, branch: branch.name }, [{ copyFile: { dst: '/stream', src } }])
  return { figures: [(performance.now() - started) / 1000] }
}
