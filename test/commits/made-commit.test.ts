import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Change } from '../../lib/commits/change.js'
import { createCommitQueue } from '../../lib/commits/commit-queue.js'
import { stageBody } from '../../lib/commits/stage-content.js'
import { PathCollision, PfsError } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { add, branch, head, nothing, put, racedPfs, read, reasons, slowPfs, watchedPfs } from './queue-rig.js'

const queue = suite('the commit of a write')

queue("another writer's commit on top of ours neither fails ours nor changes its version", async () => {
  const isNew = (now: unknown): void => {
    if (now !== undefined) throw new Error('exists')
  }
  const cases: Change[][] = [
    [{ path: '/a' }],
    [
      { ...put('/1'), condition: isNew },
      { ...put('/2'), condition: isNew },
    ],
  ]
  for (const respondAfter of ['commit', 'finish'] as const) {
    for (const changes of cases) {
      const truth = await slowPfs(0)
      await truth.modifyFile(head, [add('/a')])
      let ours: string | undefined
      const { pfs, race } = racedPfs(truth, nothing, async () => {
        ours = (await truth.inspectBranch(branch)).head?.id
        await truth.modifyFile(head, [{ deleteFile: { path: '/1' } }, add('/1'), add('/d'), add('/d/x')])
      })
      race.isOn = true
      const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter })
      const outcomes = await commit(branch, changes, {})
      assert.equal(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.commitId : outcome.reason)),
        changes.map(() => ours),
      )
      assert.is(race.calls, 1)
    }
  }
})

queue('a commit that is broken by an earlier one is repeated without the colliding change', async () => {
  const truth = await slowPfs(0)
  const { pfs, race } = racedPfs(
    truth,
    () => truth.modifyFile(head, [add('/b/child')]),
    () => truth.modifyFile(head, [{ deleteFile: { path: '/a' } }, add('/a')]),
  )
  race.isOn = true
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'finish' })
  const [a, b] = reasons(await commit(branch, [put('/a', 'ours'), put('/b')], {}))
  assert.is(a, undefined)
  assert.instance(b, PathCollision)
  assert.is(await read(truth, '/a'), 'ours')
})

queue('a write that PFS drops fails with respondAfter: finish', async () => {
  const pfs = await watchedPfs()
  // Another gateway's write comes between the checks of ours and its commit.
  const raced: PachydermApi = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      await pfs.modifyFile(head, [{ addFile: { path: '/d/x', raw: Buffer.from('x') } }])
      await pfs.modifyFile(commit, operations, options)
    },
  }
  const { commit } = createCommitQueue(raced, { shareCommits: true, respondAfter: 'finish' })
  const [reason] = reasons(await commit(branch, [put('/d')], {}))
  assert.ok(reason instanceof PfsError && reason.refusal === 'collision')
})

/** A body of which PFS alone knows the hash. */
async function large(pfs: PachydermApi, text: string): Promise<Change> {
  return { path: '/large', content: await stageBody(pfs, bytes(text), {}) }
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

queue('a large body gets the version that changed it, even if another writer commits to other paths', async () => {
  const truth = await slowPfs(0)
  let ours: string | undefined
  const { pfs, race } = racedPfs(
    truth,
    () => truth.modifyFile(head, [add('/before')]),
    async () => {
      ours = (await truth.inspectBranch(branch)).head?.id
      await truth.modifyFile(head, [add('/behind')])
    },
  )
  race.isOn = true
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const [outcome] = await commit(branch, [await large(pfs, 'ours')], {})
  assert.is(outcome?.status === 'fulfilled' && outcome.value.commitId, ours)
})

queue('a large body that another writer replaces concurrently fails rather than get an ambiguous version', async () => {
  for (const side of ['before', 'behind'] as const) {
    const truth = await slowPfs(0)
    const other = () => truth.modifyFile(head, [{ deleteFile: { path: '/large' } }, add('/large', 'another')])
    const { pfs, race } = racedPfs(truth, side === 'before' ? other : nothing, side === 'behind' ? other : nothing)
    race.isOn = true
    const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
    const [reason] = reasons(await commit(branch, [await large(pfs, 'ours')], {}))
    assert.ok(reason instanceof PfsError && reason.status === 'INTERNAL', side)
  }
})

queue('an appended line is found between those of other writers, as long as they are', async () => {
  const line = (text: string): Change => ({ path: '/a', content: { raw: Buffer.from(text), isAppended: true } })
  const truth = await slowPfs(0)
  let ours: string | undefined
  const { pfs, race } = racedPfs(
    truth,
    () => truth.modifyFile(head, [add('/a', 'one\n')]),
    async () => {
      ours = (await truth.inspectBranch(branch)).head?.id
      await truth.modifyFile(head, [add('/a', 'six\n')])
    },
  )
  race.isOn = true
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const [outcome] = await commit(branch, [line('two\n')], {})
  assert.is(outcome?.status === 'fulfilled' && outcome.value.commitId, ours)
  assert.is(await read(truth, '/a'), 'one\ntwo\nsix\n')
})

queue('a commit that another client opens on top of ours is not mistaken for ours', async () => {
  const truth = await slowPfs(0)
  let ours: string | undefined
  const { pfs, race } = racedPfs(truth, nothing, async () => {
    ours = (await truth.inspectBranch(branch)).head?.id
    await truth.startCommit({ branch })
  })
  race.isOn = true
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const [outcome] = await commit(branch, [put('/1')], {})
  assert.is(outcome?.status === 'fulfilled' && outcome.value.commitId, ours)
})

queue('a large body that changes nothing gets a version that contains it', async () => {
  const truth = await slowPfs(0)
  let ours: string | undefined
  const { pfs, race } = racedPfs(truth, nothing, async () => {
    ours = (await truth.inspectBranch(branch)).head?.id
    await truth.modifyFile(head, [add('/behind')])
  })
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  await commit(branch, [await large(pfs, 'same')], {})
  race.isOn = true
  const [outcome] = await commit(branch, [await large(pfs, 'same')], {})
  assert.is(outcome?.status === 'fulfilled' && outcome.value.commitId, ours)
})

queue.run()
