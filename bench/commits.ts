import { createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { type Candidate, measure, rate } from './support/rounds.js'
import { startServer } from './support/server.js'

const commitMilliseconds = 100
const body = Buffer.alloc(1024, 'x')

/** How many writes a second share commits that take 100 ms, and how many get through where each has its own. */
export async function benchCommits(report: Report): Promise<void> {
  for (const writers of [1, 16, 64]) {
    await compare(report, `puts of 1 KiB, ${writers} writers`, writers, async (url, name) => {
      const client = createClient(url)
      await client.send('PUT', '/bench')
      let serial = 0
      return {
        close: client.close,
        task: () => client.send('PUT', `/bench/${name}/${serial++}`, body),
      }
    })
  }
  await compare(report, 'deletes of 100 keys, 16 clients', 16, async (url, name) => {
    const client = createClient(url)
    await client.send('PUT', '/bench')
    let serial = 0
    return {
      close: client.close,
      task: () => client.send('POST', '/bench?delete', deleteOf(`${name}/${serial++}`)),
    }
  })
  await compare(report, 'multipart parts of 64 KiB, 16 writers', 16, async (url) => {
    const client = createClient(url)
    await client.send('PUT', '/bench')
    const started = (await client.send('POST', '/bench/parts?uploads')).toString()
    const uploadId = /<UploadId>([^<]+)</.exec(started)?.[1] ?? ''
    const part = Buffer.alloc(64 * 1024, 'x')
    let serial = 0
    return {
      close: client.close,
      task: () => client.send('PUT', `/bench/parts?partNumber=${(serial++ % 10_000) + 1}&uploadId=${uploadId}`, part),
    }
  })
}

interface Workload {
  readonly task: () => Promise<unknown>
  readonly close: () => void
}

async function compare(
  report: Report,
  title: string,
  writers: number,
  prepare: (url: string, name: string) => Promise<Workload>,
): Promise<void> {
  const closers: (() => Promise<void>)[] = []
  const candidates: Candidate[] = []
  for (const commits of ['each', 'shared'] as const) {
    const server = await startServer({ kind: 'gateway', memory: { commitMilliseconds }, commits })
    const workload = await prepare(server.url, commits)
    closers.push(async () => {
      workload.close()
      await server.close()
    })
    // About two seconds a round where every write has its own commit.
    const tasks = commits === 'each' ? Math.max(10, writers) : Math.max(10, writers * 10)
    candidates.push({ name: `commits: ${commits}`, round: () => rate(writers, tasks, workload.task) })
  }
  report.add(title, 'a second', await measure(candidates, 3))
  for (const close of closers) await close()
}

function deleteOf(prefix: string): Buffer {
  const objects = Array.from({ length: 100 }, (_, index) => `<Object><Key>${prefix}/${index}</Key></Object>`)
  return Buffer.from(`<Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`)
}
