import { type Client, createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { type Candidate, measure } from './support/rounds.js'
import { startServer } from './support/server.js'

const sizes = [10_000, 100_000, 1_000_000]

const pages = [
  ['the first page', () => 'list-type=2'],
  ['a page from the middle', (files: number) => `list-type=2&start-after=${keyOf(files / 2)}`],
  ['a page of common prefixes', () => 'list-type=2&prefix=data/&delimiter=/'],
] as const

/** A page of 1000 over the wire, on branches of growing size: the cost must depend on the page, not on the branch. */
export async function benchListing(report: Report): Promise<void> {
  const branches = await Promise.all(sizes.map(openBranch))
  for (const [title, query] of pages) {
    const candidates = branches.map(({ client, files }): Candidate => {
      return { name: `${files} keys`, round: () => milliseconds(() => client.send('GET', `/bench?${query(files)}`)) }
    })
    report.add(title, 'milliseconds', await measure(candidates, 15))
  }
  const walks = branches.slice(0, 2).map(({ client, files }): Candidate => {
    return {
      name: `${files} keys`,
      round: async () => (await milliseconds(() => walk(client, files))) / (files / 1000),
    }
  })
  report.add('every page, one after the other', 'milliseconds a page', await measure(walks, 3))
  for (const { close } of branches) await close()
}

async function openBranch(files: number) {
  const pfs = await startServer({ kind: 'pfs', files })
  const gateway = await startServer({ kind: 'gateway', pachd: `grpc://127.0.0.1:${pfs.port}` })
  const client = createClient(gateway.url)
  async function close(): Promise<void> {
    client.close()
    await gateway.close()
    await pfs.close()
  }
  return { client, files, close }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

async function walk(client: Client, files: number): Promise<void> {
  let keys = 0
  for (let token = ''; ; ) {
    const page = (await client.send('GET', `/bench?list-type=2${token}`)).toString()
    keys += page.split('<Key>').length - 1
    const next = /<NextContinuationToken>([^<]+)</.exec(page)?.[1]
    if (next === undefined) break
    token = `&continuation-token=${next}`
  }
  if (keys !== files) throw new Error(`${keys} keys were listed of ${files}`)
}

function keyOf(index: number): string {
  const name = String(Math.floor(index)).padStart(7, '0')
  return `data/${name.slice(0, 4)}/file-${name}`
}
