import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { turn } from '../faults/support/rig.js'
import { ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'

const branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' } as const
const names = Array.from({ length: 100 }, (_, index) => `tree/${`${index}`.padStart(3, '0')}`)

interface Context {
  pfs: PachydermApi
  gateway: Gateway
  reads: { files: number; archives: number; archiveBytes: number }
  /** Holds reads until this many requests have started. */
  holdUntil: (requests: number) => void
}

const ahead = suite<Context>('files that are read in listing order')

ahead.before.each(async (context) => {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, branch)
  await put(pfs, names)
  const reads = { files: 0, archives: 0, archiveBytes: 0 }
  let gate = Promise.resolve()
  const holdUntil = (requests: number): void => {
    const opened = deferred()
    gate = opened.promise
    let started = 0
    const onStart = (): void => {
      started += 1
      if (started < requests) return
      unsubscribe('pfs-s3-gateway:request:start', onStart)
      opened.resolve()
    }
    subscribe('pfs-s3-gateway:request:start', onStart)
  }
  const counting: PachydermApi = {
    ...pfs,
    getFile: async function* (request, options) {
      reads.files += 1
      await gate
      yield* pfs.getFile(request, options)
    },
    getFileTar: async function* (request, options) {
      reads.archives += 1
      await gate
      for await (const piece of pfs.getFileTar(request, options)) {
        reads.archiveBytes += piece.length
        yield piece
      }
    },
  }
  Object.assign(context, {
    pfs,
    reads,
    holdUntil,
    gateway: await startGateway({ pfs: counting, options: { objectRecords: 'off' } }),
  })
})

ahead.after.each(({ gateway }) => gateway.close())

function put(pfs: PachydermApi, keys: readonly string[], text = (key: string) => `content of ${key}`): Promise<void> {
  const commit = { repo: branch.repo, branch: branch.name }
  return pfs.modifyFile(
    commit,
    keys.flatMap((key) => {
      const path = `/${key}`
      return [{ deleteFile: { path } }, { addFile: { path, raw: Buffer.from(text(key)) } }]
    }),
  )
}

async function get({ gateway }: Context, target: string): Promise<string> {
  const response = await fetch(`${gateway.endpoint}/data${target}`)
  assert.is(response.status, 200)
  return response.text()
}

ahead('share reads, sequentially and ten at once', async (context) => {
  for (const readers of [1, 10]) {
    await put(context.pfs, names, (key) => `${readers} readers of ${key}`)
    await get(context, '?list-type=2')
    Object.assign(context.reads, { files: 0, archives: 0, archiveBytes: 0 })
    const left = names.values()
    const read = async (): Promise<void> => {
      for (const name of left) assert.is(await get(context, `/${name}`), `${readers} readers of ${name}`)
    }
    await Promise.all(Array.from({ length: readers }, read))
    assert.ok(context.reads.files + context.reads.archives <= 12, JSON.stringify(context.reads))
  }
})

ahead('share reads without a listing, if they are read at once', async (context) => {
  context.holdUntil(names.length)
  const found = await Promise.all(names.map((name) => get(context, `/${name}`)))
  assert.equal(
    found,
    names.map((name) => `content of ${name}`),
  )
  assert.ok(context.reads.files + context.reads.archives <= 10, JSON.stringify(context.reads))
})

ahead('are correct if they are read at once with others between them', async (context) => {
  const some = names.filter((_, index) => index % 10 === 0)
  await put(
    context.pfs,
    names.flatMap((name) => Array.from({ length: 20 }, (_, index) => `${name}-${index}`)),
  )
  await put(context.pfs, ['tree/015'], () => 'x'.repeat(5_000_000))
  for (let round = 0; round < 4; round += 1) {
    await put(context.pfs, some, (key) => `${key} in round ${round}`)
    const found = await Promise.all(some.map((name) => get(context, `/${name}`)))
    assert.equal(
      found,
      some.map((name) => `${name} in round ${round}`),
    )
  }
})

ahead('are not read ahead for a client with random access', async (context) => {
  await get(context, '?list-type=2')
  for (const name of ['tree/050', 'tree/007', 'tree/099', 'tree/000']) await get(context, `/${name}`)
  assert.equal(context.reads, { files: 4, archives: 0, archiveBytes: 0 })
})

ahead('are read in their current state, whatever the listing returned', async (context) => {
  await get(context, '?list-type=2')
  for (const name of names.slice(0, 10)) await get(context, `/${name}`)
  await put(context.pfs, names, () => 'new')
  for (const name of names) assert.is(await get(context, `/${name}`), 'new')
})

ahead('are correct beside large files and directories', async (context) => {
  const large = ['tree/003', 'tree/010']
  await put(context.pfs, large, () => 'x'.repeat(300_000))
  await put(context.pfs, ['tree/004-a/b', 'tree/004.txt'])
  await get(context, '?list-type=2&delimiter=/&prefix=tree/')
  await get(context, '?list-type=2')
  for (const name of names) {
    const text = large.includes(name) ? 'x'.repeat(300_000) : `content of ${name}`
    assert.is(await get(context, `/${name}`), text)
  }
})

ahead('are read ahead for each of several listings, without the files between them', async (context) => {
  const around = ['a/0', 'a/1', 'a/2', 'a/3', 'z/0', 'z/1', 'z/2', 'z/3']
  await put(context.pfs, around)
  const between = Array.from({ length: 16 }, (_, index) => `m/${index}`)
  await put(context.pfs, between, () => 'x'.repeat(1024 * 1024))
  for (const [first, second] of [
    ['a', 'z'],
    ['z', 'a'],
  ] as const) {
    await put(context.pfs, around, (key) => `${first} before ${second}: ${key}`)
    Object.assign(context.reads, { files: 0, archives: 0, archiveBytes: 0 })
    await get(context, `?list-type=2&prefix=${first}/`)
    await get(context, `?list-type=2&prefix=${second}/`)
    for (const name of around) assert.is(await get(context, `/${name}`), `${first} before ${second}: ${name}`)
    const { files, archives, archiveBytes } = context.reads
    assert.ok(files + archives <= 4, `${files} files and ${archives} archives`)
    assert.ok(archiveBytes < 64 * 1024, `${archiveBytes} bytes of ${archives} archives`)
  }
})

ahead('are read one by one if PFS cannot read them together', async (context) => {
  const pfs: PachydermApi = {
    ...context.pfs,
    getFileTar: () => {
      throw new Error('not now')
    },
  }
  const gateway = await startGateway({ pfs, options: { objectRecords: 'off' } })
  try {
    const broken = { ...context, gateway }
    await get(broken, '?list-type=2')
    for (const name of names.slice(0, 20)) assert.is(await get(broken, `/${name}`), `content of ${name}`)
  } finally {
    await gateway.close()
  }
})

ahead.run()

const open = suite('small files of an open commit')

open('a shared read gives no request another content than its ETag describes', async () => {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, branch)
  const opened = await pfs.startCommit({ branch })
  await put(pfs, ['a', 'b', 'c', 'shared'])
  const released = deferred()
  let calls = 0
  const held: PachydermApi = {
    ...pfs,
    async *globFile(request, options) {
      calls += 1
      yield* pfs.globFile(request, options)
    },
    async *getFile(request, options) {
      calls += 1
      await released.promise
      yield* pfs.getFile(request, options)
    },
    async *getFileTar(request, options) {
      await released.promise
      yield* pfs.getFileTar(request, options)
    },
  }
  const gateway = await startGateway({ pfs: held, options: { objectRecords: 'off' } })
  const get = async (key: string) => {
    const before = calls
    const response = ask(gateway.port, 'GET', `/data/${key}`)
    while (calls === before) await turn()
    for (let [turns, seen] = [0, calls]; turns < 100; turns += 1) {
      await turn()
      if (calls !== seen) [turns, seen] = [0, calls]
    }
    return { response }
  }
  // Each is a batch, and no more batches run at the same time.
  const others = [await get('a'), await get('b'), await get('c')]
  const first = await get('shared')
  await put(pfs, ['shared'], () => 'a later content, which is longer')
  const second = await get('shared')
  released.resolve()
  for (const { response } of others) assert.is((await response).status, 200)
  assert.is((await first.response).status, 500)
  assert.is((await second.response).text, 'a later content, which is longer')
  await pfs.finishCommit({ commit: opened })
  await gateway.close()
})

open.run()
