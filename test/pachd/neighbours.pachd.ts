import { randomUUID } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FileOperation } from '../../lib/index.js'
import { createPachydermClient } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'

/*
 * On pachd, InspectFile and GetFile of a path read every path that begins with it: beside 50,000 neighbours ten to fifty
 * times the cost. Only the ratio within one run counts, of the medians of requests that take turns.
 */
const neighbours = 50_000
const rounds = 15
const mostTimes = 4

const cost = suite('an object beside many keys with the same prefix')

function* operations(count: number): Generator<FileOperation> {
  yield { addFile: { path: '/img-1', raw: Buffer.alloc(1024, 'x') } }
  for (let index = 0; index < count; index++) {
    yield { addFile: { path: `/img-1${String(index).padStart(6, '0')}`, raw: Buffer.from('neighbour') } }
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

cost('costs as much to find and read as without neighbours', async () => {
  const pfs = createPachydermClient(process.env.PACHD ?? '')
  // Without a cache, so that every GET asks pachd for the bytes.
  const gateway = await startGateway({ pfs, options: { cacheBytes: 0 } })
  const repos = [0, neighbours].map((count) => ({ name: `neighbours-${count}-${randomUUID()}`, count }))
  try {
    for (const { name, count } of repos) {
      const repo = { project: 'default', name, type: 'user' } as const
      await pfs.createRepo({ repo })
      await pfs.createBranch({ branch: { repo, name: 'master' } })
      await pfs.modifyFile({ repo, branch: 'master' }, operations(count))
      await pfs.inspectCommit({ commit: { repo, branch: 'master' }, wait: 'FINISHED' })
    }
    for (const method of ['HEAD', 'GET']) {
      const times = repos.map((): number[] => [])
      for (let round = 0; round < rounds; round++) {
        for (const [index, { name }] of repos.entries()) {
          const started = performance.now()
          const response = await fetch(`${gateway.endpoint}/${name}/img-1`, { method })
          const body = await response.arrayBuffer()
          times[index]?.push(performance.now() - started)
          assert.equal([response.status, body.byteLength], [200, method === 'GET' ? 1024 : 0])
        }
      }
      const [alone = 0, beside = 0] = times.map(median)
      assert.ok(beside < mostTimes * alone, `${method} takes ${(beside / alone).toFixed(1)} times as long`)
    }
  } finally {
    for (const { name } of repos) {
      await pfs.deleteRepo({ repo: { project: 'default', name, type: 'user' }, force: true })
    }
    await gateway.close()
    pfs.close()
  }
})

cost.run()
