import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { recordPath } from '../../lib/records/record-path.js'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'

const branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' } as const
const meta = { ...branch.repo, type: 'meta' } as const

interface Context {
  pfs: PachydermApi
  /** The gateway that is tested, which has read one key of the directory `d`: it reads the next one with the directory. */
  gateway: Gateway
  other: Gateway
  /** Reads of archives wait for it. */
  gate: { promise: Promise<void>; begun: () => void }
}

const directories = suite<Context>('records of a directory that are read together')

directories.before.each(async (context) => {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, branch)
  const gate = { promise: Promise.resolve(), begun: () => undefined }
  const held: PachydermApi = {
    ...pfs,
    async *getFileTar(request, options) {
      gate.begun()
      await gate.promise
      yield* pfs.getFileTar(request, options)
    },
  }
  Object.assign(context, {
    pfs,
    gate,
    gateway: await startGateway({ pfs: held, options: { cacheBytes: 16 * 1024 * 1024 } }),
    other: await startGateway({ pfs }),
  })
})

directories.after.each(async ({ gateway, other }) => {
  await gateway.close()
  await other.close()
})

async function put({ port, flush }: Gateway, key: string, value: string): Promise<void> {
  const { status } = await ask(port, 'PUT', `/data/${key}`, key, { 'x-amz-meta-a': value })
  assert.is(status, 200)
  await flush()
}

async function metadataOf({ port }: Gateway, key: string): Promise<unknown> {
  const { status, headers } = await ask(port, 'HEAD', `/data/${key}`)
  assert.is(status, 200)
  return headers['x-amz-meta-a']
}

directories('a write during the read is seen', async ({ gateway, other, gate }) => {
  for (const key of ['d/1', 'd/2', 'd/3']) await put(other, key, 'old')
  assert.is(await metadataOf(gateway, 'd/1'), 'old')
  const [begun, opened] = [deferred(), deferred()]
  Object.assign(gate, { promise: opened.promise, begun: begun.resolve })
  const reading = metadataOf(gateway, 'd/2')
  await begun.promise
  await put(gateway, 'd/3', 'new')
  opened.resolve()
  assert.is(await reading, 'old')
  assert.is(await metadataOf(gateway, 'd/3'), 'new')
})

directories('later writes of this gateway are seen, also of new keys', async ({ gateway, other }) => {
  for (const key of ['d/1', 'd/2', 'd/3']) await put(other, key, 'old')
  for (const key of ['d/1', 'd/2']) assert.is(await metadataOf(gateway, key), 'old')
  await put(gateway, 'd/3', 'new')
  await put(gateway, 'd/4', 'new')
  for (const key of ['d/3', 'd/4']) assert.is(await metadataOf(gateway, key), 'new')
})

directories('writes of another gateway are seen', async ({ gateway, other }) => {
  for (const key of ['d/1', 'd/2']) await put(other, key, 'old')
  for (const key of ['d/1', 'd/2']) assert.is(await metadataOf(gateway, key), 'old')
  await put(other, 'd/3', 'new')
  assert.is(await metadataOf(gateway, 'd/3'), 'new')
})

directories('a record that leaves the cache is read again', async ({ pfs, gateway, other }) => {
  const large = Array.from({ length: 24 }, (_, index) => `large-${index}/d`)
  for (const key of ['d/1', 'd/2', 'd/3', ...large]) await put(other, key, 'kept')
  const parts = Array.from({ length: 5000 }, (_, number) => ({ number: number + 1, size: number === 0 ? 9 : 0 }))
  const planted = await Promise.all(
    large.map(async (key) => {
      const { hash } = await pfs.inspectFile({ commit: { repo: branch.repo, branch: branch.name }, path: `/${key}` })
      const raw = Buffer.from(`${JSON.stringify({ format: 1, key, metadata: { a: 'large' }, parts })}\n`)
      const path = recordPath(`/${key}`, Buffer.from(hash).toString('hex'))
      return [{ deleteFile: { path } }, { addFile: { path, raw } }]
    }),
  )
  await pfs.modifyFile({ repo: meta, branch: 's3-records' }, planted.flat())
  for (const key of ['d/1', 'd/2', 'd/3']) assert.is(await metadataOf(gateway, key), 'kept')
  for (const key of large) assert.is(await metadataOf(gateway, key), 'large')
  for (const key of ['d/1', 'd/2', 'd/3']) assert.is(await metadataOf(gateway, key), 'kept')
})

directories('files that are not records hide no record of a page', async ({ pfs, gateway, other }) => {
  for (const key of ['d/1', 'd/2']) await put(other, key, 'a')
  const planted = Array.from({ length: 10 }, (_, index) => ({
    addFile: { path: `/objects/dd/f0/planted-${index}`, raw: Buffer.from('planted') },
  }))
  await pfs.modifyFile({ repo: meta, branch: 's3-records' }, planted)
  await pfs.inspectCommit({ commit: { repo: meta, branch: 's3-records' }, wait: 'FINISHED' })
  assert.is((await ask(gateway.port, 'GET', '/data?list-type=2&prefix=d/&max-keys=5')).status, 200)
  for (const key of ['d/1', 'd/2']) assert.is(await metadataOf(gateway, key), 'a')
})

directories.run()
