import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createCommitQueue } from '../../lib/commits/commit-queue.js'
import { stageBody } from '../../lib/commits/stage-content.js'
import { type Branch, PfsError } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { add, branch, head, put, read, reasonOf, reasons, watchedPfs } from './queue-rig.js'

const queue = suite('commits that another client keeps open')

queue('a write into an open commit of another client does not wait for its end', async () => {
  const pfs = await watchedPfs()
  const opened = await pfs.startCommit({ branch })
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'finish' })
  const [outcome] = await commit(branch, [put('/open')], {})
  assert.is(outcome?.status === 'fulfilled' && outcome.value.commitId, opened.id)
})

queue('a commit that is opened between our checks and our commit receives our changes', async () => {
  const pfs = await watchedPfs()
  let opened: string | undefined
  const raced: PachydermApi = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      opened ??= (await pfs.startCommit({ branch })).id
      await pfs.modifyFile(commit, operations, options)
    },
  }
  const { commit } = createCommitQueue(raced, { shareCommits: true, respondAfter: 'commit' })
  const outcomes = await commit(branch, [put('/1'), put('/2')], {})
  assert.equal(
    outcomes.map((outcome) => outcome.status === 'fulfilled' && outcome.value.commitId),
    [opened, opened],
  )
  assert.equal(pfs.commits, [], 'ModifyFile has written nothing')
  assert.is(await read(pfs, '/2'), '/2')
})

queue(
  'a commit that is finished before our changes are added gets none of them, and the next one all of them',
  async () => {
    for (const call of ['createFileSet', 'addFileSet'] as const) {
      const pfs = await watchedPfs()
      await pfs.modifyFile(head, [add('/deleted')])
      const opened = await pfs.startCommit({ branch })
      let isFinished = false
      const finish = async (): Promise<void> => {
        if (!isFinished) await pfs.finishCommit({ commit: opened })
        isFinished = true
      }
      const raced: PachydermApi = {
        ...pfs,
        createFileSet: async (...args) => {
          if (call === 'createFileSet') await finish()
          return pfs.createFileSet(...args)
        },
        addFileSet: async (...args) => {
          if (call === 'addFileSet') await finish()
          return pfs.addFileSet(...args)
        },
      }
      const { commit } = createCommitQueue(raced, { shareCommits: true, respondAfter: 'commit' })
      const content = { copyOf: { commit: { repo: branch.repo, id: opened.id ?? '' }, path: '/deleted' } }
      const outcomes = await commit(branch, [put('/1'), { path: '/deleted' }, { path: '/copied', content }], {})
      const ids = outcomes.map((outcome) => outcome.status === 'fulfilled' && outcome.value.commitId)
      assert.is.not(ids[0], opened.id)
      assert.is((await pfs.inspectCommit({ commit: head })).parentCommit?.id, opened.id)
      assert.is(new Set(ids).size, 1)
      assert.is(await read(pfs, '/copied'), '/deleted')
      assert.is(await read(pfs, '/deleted'), undefined)
    }
  },
)

queue('a write fails in the end if other clients keep opening commits on the branch', async () => {
  const pfs = await watchedPfs()
  let calls = 0
  const raced: PachydermApi = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      calls += 1
      const opened = await pfs.startCommit({ branch })
      const reason = await reasonOf(pfs.modifyFile(commit, operations, options))
      await pfs.finishCommit({ commit: opened })
      throw reason
    },
  }
  const { commit } = createCommitQueue(raced, { shareCommits: true, respondAfter: 'commit' })
  const outcomes = await commit(branch, [put('/1'), put('/2')], {})
  for (const reason of reasons(outcomes)) assert.ok(reason instanceof PfsError && reason.refusal === 'open-parent')
  assert.is(calls, 5)
})

queue('a body that arrives while a commit is open is not lost when that commit is finished', async () => {
  const pfs = await watchedPfs()
  const opened = await pfs.startCommit({ branch })
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('in ')
    await pfs.finishCommit({ commit: opened })
    yield Buffer.from('time')
  }
  await commit(branch, [{ path: '/late', content: await stageBody(pfs, body(), {}) }], {})
  assert.is(await read(pfs, '/late'), 'in time')
  assert.is((await pfs.inspectCommit({ commit: head })).parentCommit?.id, opened.id)
})

queue('the open commit of an output branch is never written', async () => {
  const pfs = await watchedPfs()
  const output: Branch = { repo: { ...branch.repo, name: 'output' }, name: 'master' }
  await pfs.createRepo({ repo: output.repo })
  await pfs.createBranch({ branch: output, provenance: [branch] })
  const { commit, requireWriteAccess } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const [small] = reasons(await commit(output, [put('/1')], {}))
  const large = await reasonOf(requireWriteAccess(output, {}))
  for (const reason of [small, large]) assert.ok(reason instanceof PfsError && reason.refusal === 'output-branch')
  assert.equal(pfs.commits, [])
})

queue.run()
