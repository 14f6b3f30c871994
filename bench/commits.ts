import type { MemoryPfsOptions } from '../lib/testing/index.js'
import { createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { type Candidate, measure, rate } from './support/rounds.js'
import { startServer } from './support/server.js'

/** A commit takes 100 ms to make, as pachd's do; in one comparison also as long to finish as they do there. */
const memory = { commitMilliseconds: 100 }
const slowToFinish = { ...memory, finishMilliseconds: 300 }
const body = Buffer.alloc(1024, 'x')

/** Writes per second with commits of 100 ms, shared by concurrent writes or one commit per write. */
export async function benchCommits(report: Report): Promise<void> {
  for (const writers of [1, 16, 64]) {
    await compare(report, `puts of 1 KiB, ${writers} writers`, writers, puts)
  }
  for (const writers of [1, 16]) {
    const title = `puts of 1 KiB, ${writers} writers, 300 ms more until a commit is finished`
    await compare(report, title, writers, puts, slowToFinish)
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

async function puts(url: string, name: string): Promise<Workload> {
  const client = createClient(url)
  await client.send('PUT', '/bench')
  let serial = 0
  return {
    close: client.close,
    task: () => client.send('PUT', `/bench/${name}/${serial++}`, body),
  }
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
  pfs: MemoryPfsOptions = memory,
): Promise<void> {
  const closers: (() => Promise<void>)[] = []
  const candidates: Candidate[] = []
  for (const shareCommits of [false, true]) {
    const commits = shareCommits ? 'shared' : 'each'
    const server = await startServer({ kind: 'gateway', memory: pfs, shareCommits })
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
