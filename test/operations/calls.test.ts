import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'

/* A call costs pachd ten milliseconds of processor time, whatever it does: the number of calls decides the speed. */
interface Context {
  gateway: Gateway
  counts: Map<string, number>
  /** Blocks the next commit until this many writes are queued behind it. */
  holdUntil: (waiting: number) => void
}

const calls = suite<Context>('PFS calls of S3 requests')

const names = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(3, '0'))
const branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' } as const

function counted(pfs: PachydermApi, counts: Map<string, number>): PachydermApi {
  const entries = Object.entries(pfs).map(([name, call]: [string, (...args: unknown[]) => unknown]) => {
    return [
      name,
      (...args: unknown[]) => {
        counts.set(name, (counts.get(name) ?? 0) + 1)
        return call(...args)
      },
    ]
  })
  return Object.fromEntries(entries) as PachydermApi
}

calls.before.each(async (context) => {
  const pfs = createMemoryPfs({ commitMilliseconds: 50, finishMilliseconds: 10 })
  await createRepoAndBranch(pfs, branch)
  let gate = deferred()
  gate.resolve()
  context.holdUntil = (waiting) => {
    gate = deferred()
    const onChange = (message: unknown): void => {
      if ((message as { waiting: number }).waiting < waiting) return
      unsubscribe('pfs-s3-gateway:queue', onChange)
      gate.resolve()
    }
    subscribe('pfs-s3-gateway:queue', onChange)
  }
  const held: PachydermApi = {
    ...pfs,
    modifyFile: async (...args) => {
      await gate.promise
      return pfs.modifyFile(...args)
    },
  }
  context.counts = new Map()
  context.gateway = await startGateway({ pfs: counted(held, context.counts), options: { objectRecords: 'off' } })
})

calls.after.each(({ gateway }) => gateway.close())

async function request({ gateway }: { gateway: Gateway }, method: string, key: string, body?: string): Promise<string> {
  const response = await fetch(`${gateway.endpoint}/data${key}`, { method, ...(body !== undefined && { body }) })
  assert.is(response.status, 200, `${method} ${key}`)
  return response.text()
}

/** Puts keys, `writers` at once. */
async function putAll(context: { gateway: Gateway }, keys: readonly string[], writers = keys.length): Promise<void> {
  const left = keys.values()
  const write = async (): Promise<void> => {
    for (const key of left) await request(context, 'PUT', key, key)
  }
  await Promise.all(Array.from({ length: writers }, write))
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

/** The calls for 100 PUTs, of which all but the first come while the first is committed. */
async function countPuts(context: Context, keys: readonly string[]): Promise<number> {
  context.counts.clear()
  context.holdUntil(keys.length - 1)
  await putAll(context, keys)
  return total(context.counts)
}

calls('100 PUTs at once into one directory', async (context) => {
  const keys = names.map((name) => `/one/directory/${name}`)
  assert.ok((await countPuts(context, keys)) <= 12, JSON.stringify([...context.counts]))
})

calls('100 PUTs at once into 100 directories', async (context) => {
  const keys = names.map((name) => `/many/${name}/file`)
  assert.ok((await countPuts(context, keys)) <= 12, JSON.stringify([...context.counts]))
})

calls('100 PUTs at once over keys that exist', async (context) => {
  const keys = names.map((name) => `/again/${name}`)
  await putAll(context, keys)
  assert.ok((await countPuts(context, keys)) <= 12, JSON.stringify([...context.counts]))
})

calls('16 writers of 100 keys share commits', async (context) => {
  await putAll(
    context,
    names.map((name) => `/${name}`),
    16,
  )
  const commits = context.counts.get('modifyFile') ?? 0
  // Seven would do; a busy machine does not bring all writers back in time.
  assert.ok(commits <= 34, `${commits}`)
})

calls('directories that the gateway has written into are not checked again', async (context) => {
  for (const name of names.slice(0, 10)) await request(context, 'PUT', `/a/b/c/${name}`, name)
  assert.ok((context.counts.get('globFile') ?? 0) <= 20, JSON.stringify([...context.counts]))
})

calls('a GET, a HEAD and a page take one call each, and a GET one more for uncached content', async (context) => {
  await putAll(context, ['/x/1', '/x/2'])
  for (const [method, key, most] of [
    ['HEAD', '/x/1', 1],
    ['GET', '/x/1', 2],
    ['GET', '/x/1', 1],
    ['GET', '?list-type=2', 1],
    ['GET', '?list-type=2&prefix=x/', 3],
  ] as const) {
    context.counts.clear()
    await request(context, method, key)
    assert.ok(total(context.counts) <= most, `${method} ${key}: ${JSON.stringify([...context.counts])}`)
  }
})

calls.run()
