import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createCommitLog } from '../../../lib/commits/commit-log.js'
import { createKeyCodec } from '../../../lib/resolver/key.js'
import { createChangeLog } from '../../../lib/resolver/versions/changes.js'
import { createHistory } from '../../../lib/resolver/versions/history.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createMemoryPfs } from '../../../lib/testing/index.js'
import { createRepoAndBranch } from '../../support/branch.js'

const repo = { project: 'default', name: 'changes', type: 'user' } as const
const master = { repo, branch: 'master' }
const changes = suite<{ pfs: PachydermApi; counted: PachydermApi; asked: number }>('changes of commits')

changes.before.each(async (context) => {
  const pfs = createMemoryPfs()
  context.pfs = pfs
  context.asked = 0
  context.counted = {
    ...pfs,
    diffFile(request, options) {
      context.asked += 1
      return pfs.diffFile(request, options)
    },
  }
  await createRepoAndBranch(pfs, { repo, name: 'master' })
})

async function write(pfs: PachydermApi, paths: readonly string[]): Promise<void> {
  await pfs.modifyFile(
    master,
    paths.map((path) => ({ addFile: { path, raw: Buffer.from('x') } })),
  )
  await pfs.inspectCommit({ commit: master, wait: 'FINISHED' })
}

/** The keys that the head changed. */
async function read(log: ReturnType<typeof createChangeLog>, pfs: PachydermApi) {
  const { value: head } = await createHistory(pfs).revisions(master, {}).next()
  assert.ok(head)
  const found: string[] = []
  for await (const { key } of log.read(head, '/', {})) found.push(key)
  return found.sort().join(' ')
}

changes('of a finished commit are read once', async (context) => {
  const log = createChangeLog(context.counted, createKeyCodec('percent'), createCommitLog())
  await write(context.pfs, ['/b', '/a%20', '/a'])
  assert.is(await read(log, context.pfs), 'a a%20 b')
  assert.is(await read(log, context.pfs), 'a a%20 b')
  assert.is(context.asked, 1)
})

changes('that are too many are read again each time, completely', async (context) => {
  const log = createChangeLog(context.counted, createKeyCodec('percent'), createCommitLog(), 1000)
  await write(context.pfs, ['/1', '/2', '/3', '/4'])
  assert.is(await read(log, context.pfs), '1 2 3 4')
  assert.is(await read(log, context.pfs), '1 2 3 4')
  assert.is(context.asked, 2)
})

changes('of an open commit are read again each time', async (context) => {
  const log = createChangeLog(context.counted, createKeyCodec('percent'), createCommitLog())
  await context.pfs.startCommit({ branch: { repo, name: 'master' } })
  await context.pfs.modifyFile(master, [{ addFile: { path: '/a', raw: Buffer.from('x') } }])
  assert.is(await read(log, context.pfs), 'a')
  await context.pfs.modifyFile(master, [{ addFile: { path: '/b', raw: Buffer.from('x') } }])
  assert.is(await read(log, context.pfs), 'a b')
  assert.is(context.asked, 2)
})

changes('that were read in part, for a caller who left, are not cached', async (context) => {
  const broken: PachydermApi = {
    ...context.pfs,
    async *diffFile(request, options) {
      for await (const diff of context.pfs.diffFile(request, options)) {
        yield diff
        if (context.asked++ === 1) throw new Error('gone')
      }
    },
  }
  const log = createChangeLog(broken, createKeyCodec('percent'), createCommitLog())
  await write(context.pfs, ['/1', '/2'])
  const failure = await read(log, context.pfs).catch((error: unknown) => error)
  assert.instance(failure, Error)
  assert.is(await read(log, context.pfs), '1 2')
  assert.is(await read(log, context.pfs), '1 2')
  assert.is(context.asked, 2 + 3, 'two diffs, then all three, then none')
})

changes.run()
