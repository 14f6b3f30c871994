import { mock } from 'node:test'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Change } from '../../lib/commits/change.js'
import { createCommitQueue } from '../../lib/commits/commit-queue.js'
import { type Commit, type PfsClient, PfsError } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'
import { add, branch, head, put, read, reasonOf, reasons, watchedPfs } from './queue-rig.js'

/** Whether work is still under way after a turn of the event loop. */
async function isPending(work: Promise<unknown>): Promise<boolean> {
  const later = new Promise((resolve) => setImmediate(resolve, 'pending'))
  return (await Promise.race([work, later])) === 'pending'
}

const queue = suite('changes that PFS refuses')

queue('a change that PFS refuses does not affect others', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const outcomes = await commit(branch, [put('/good'), put('/b*d'), put('/fine')], {})
  const [good, bad, fine] = reasons(outcomes)
  assert.equal([good, fine], [undefined, undefined])
  assert.instance(bad, PfsError)
  assert.is(await read(pfs, '/good'), '/good')
  assert.is(await read(pfs, '/fine'), '/fine')
})

queue('a write with an unknown outcome is not repeated', async () => {
  const pfs = await watchedPfs()
  let calls = 0
  const broken: PfsClient = {
    ...pfs,
    modifyFile: async () => {
      calls += 1
      throw new PfsError('UNAVAILABLE', 'connection lost')
    },
  }
  const { commit } = createCommitQueue(broken, { shareCommits: true, respondAfter: 'commit' })
  const outcomes = await commit(branch, [put('/1'), put('/2')], {})
  assert.ok(reasons(outcomes).every((reason) => reason instanceof PfsError && reason.status === 'UNAVAILABLE'))
  assert.is(calls, 1)
})

queue('a write to a missing branch does not create it', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const [reason] = reasons(await commit({ ...branch, name: 'none' }, [put('/1')], {}))
  assert.ok(reason instanceof PfsError && reason.missing === 'branch')
  assert.equal(pfs.commits, [])
})

queue('a write that fails for an unknown reason is repeated only if it had no effect', async () => {
  for (const isMade of [false, true]) {
    const pfs = await watchedPfs()
    let calls = 0
    const dubious: PfsClient = {
      ...pfs,
      modifyFile: async (commit, operations, options) => {
        calls += 1
        if (calls > 1 || isMade) await pfs.modifyFile(commit, operations, options)
        if (calls === 1) throw new PfsError('UNKNOWN', 'driver: bad connection')
      },
    }
    const { commit } = createCommitQueue(dubious, { shareCommits: true, respondAfter: 'commit' })
    const outcomes = await commit(branch, [put('/1'), put('/2')], {})
    assert.equal(
      reasons(outcomes).map((reason) => reason === undefined),
      isMade ? [false, false] : [true, true],
    )
    assert.is(calls, isMade ? 1 : 3)
  }
})

queue('a call that PFS refuses for every change is made once', async () => {
  for (const status of ['RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'UNIMPLEMENTED'] as const) {
    const pfs = await watchedPfs()
    let calls = 0
    const full: PfsClient = {
      ...pfs,
      modifyFile: async () => {
        calls += 1
        throw new PfsError(status, 'disk full')
      },
    }
    const { commit } = createCommitQueue(full, { shareCommits: true, respondAfter: 'commit' })
    await commit(
      branch,
      Array.from({ length: 100 }, (_, index) => put(`/${index}`)),
      {},
    )
    assert.is(calls, 1)
  }
})

queue('a PFS that hangs fails the turn, and the branch stays writable', async () => {
  const pfs = await watchedPfs()
  let isStuck = true
  const stuck: PfsClient = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      if (!isStuck) return pfs.modifyFile(commit, operations, options)
      await new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new PfsError('CANCELLED', 'given up')))
      })
    },
  }
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { commit } = createCommitQueue(stuck, { shareCommits: true, respondAfter: 'commit' })
    const first = commit(branch, [put('/1')], {})
    const second = commit(branch, [put('/2')], {})
    while (await isPending(first)) mock.timers.tick(60_000)
    isStuck = false
    const [reason] = reasons(await first)
    assert.ok(reason instanceof PfsError && reason.status === 'DEADLINE_EXCEEDED')
    while (await isPending(second)) mock.timers.tick(10)
  } finally {
    mock.timers.reset()
  }
  assert.equal(pfs.commits, [['/2']])
})

for (const step of ['condition', 'prepare'] as const)
  queue(`${step} that hangs fails the turn, and the branch stays writable`, async () => {
    const pfs = await watchedPfs()
    const turnMilliseconds = 60_000
    const reached = deferred()
    const hanging: Change = {
      ...put('/1'),
      [step]: () => {
        reached.resolve()
        return new Promise(() => undefined)
      },
    }
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit', turnMilliseconds })
      const first = commit(branch, [hanging], {})
      const second = commit(branch, [put('/2')], {})
      await reached.promise
      assert.ok(await isPending(first))
      mock.timers.tick(turnMilliseconds)
      for (let turns = 0; turns < 20_000 && (await isPending(second)); turns += 1) mock.timers.tick(10)
      assert.not(await isPending(first), 'the write with the condition has its outcome')
      assert.not(await isPending(second), 'the branch is free')
      const [reason] = reasons(await first)
      assert.ok(reason instanceof PfsError && reason.status === 'DEADLINE_EXCEEDED')
      assert.equal(reasons(await second), [undefined])
    } finally {
      mock.timers.reset()
    }
    assert.equal(pfs.commits, [['/2']])
  })

queue('copies with a missing source fail alone, and are not tried one by one', async () => {
  const pfs = await watchedPfs()
  const gone = { repo: { ...branch.repo, name: 'gone' }, id: '0123456789abcdef0123456789abcdef' }
  await pfs.modifyFile(head, [add('/source')])
  let calls = 0
  const counted: PfsClient = {
    ...pfs,
    modifyFile: (...args) => {
      calls += 1
      return pfs.modifyFile(...args)
    },
  }
  const { commit } = createCommitQueue(counted, { shareCommits: true, respondAfter: 'commit' })
  const copy = (path: string, source: Commit): Change => ({
    path,
    content: { copyOf: { commit: source, path: '/source' } },
  })
  const changes = Array.from({ length: 60 }, (_, index) =>
    [put(`/put-${index}`), copy(`/copy-${index}`, head), copy(`/gone-${index}`, gone)].slice(
      index % 3,
      (index % 3) + 1,
    ),
  ).flat()
  const outcomes = reasons(await commit(branch, changes, {}))
  for (const [index, { path }] of changes.entries()) {
    const reason = outcomes[index]
    if (path.startsWith('/gone')) assert.ok(reason instanceof PfsError && reason.missing === 'repo', path)
    else assert.is(reason, undefined, path)
  }
  assert.is(await read(pfs, '/copy-1'), '/source')
  assert.is(await read(pfs, '/put-0'), '/put-0')
  assert.ok(calls <= 10, `${calls} calls`)
})

queue('a caller without the right to write is refused before the body is read', async () => {
  const pfs = createMemoryPfs()
  const rootToken = await pfs.activateAuth({})
  await pfs.createRepo({ repo: branch.repo }, { authToken: rootToken })
  await pfs.createBranch({ branch }, { authToken: rootToken })
  const { requireWriteAccess } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  for (const [role, status] of [
    ['none', 'PERMISSION_DENIED'],
    ['repoReader', 'PERMISSION_DENIED'],
    ['repoWriter', undefined],
    ['repoOwner', undefined],
  ] as const) {
    const authToken = await pfs.getRobotToken({ robot: role }, { authToken: rootToken })
    const roles = role === 'none' ? [] : [role]
    const resource = { type: 'REPO', name: 'default/data' } as const
    await pfs.modifyRoleBinding({ resource, principal: `robot:${role}`, roles }, { authToken: rootToken })
    const reason = await reasonOf(requireWriteAccess(branch, { authToken }))
    assert.is(reason instanceof PfsError ? reason.status : reason, status, role)
  }
})

queue.run()
