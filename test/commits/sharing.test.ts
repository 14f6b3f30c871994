import { mock } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createCommitQueue } from '../../lib/commits/commit-queue.js'
import { PathCollision, PfsError } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { branch, head, put, read, reasonOf, reasons, watchedPfs } from './queue-rig.js'

function isBusy(reason: unknown): boolean {
  return reason instanceof PfsError && reason.status === 'RESOURCE_EXHAUSTED'
}

const queue = suite('writes to one branch share commits')

queue('writes that arrive during a commit share the next one', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const open = pfs.hold()
  const first = commit(branch, [put('/1')], {})
  const rest = ['/2', '/3', '/4'].map((path) => commit(branch, [put(path)], {}))
  open()
  const [[one], ...others] = await Promise.all([first, ...rest])
  assert.equal(pfs.commits, [['/1'], ['/2', '/3', '/4']])
  const ids = others.map(([outcome]) => outcome?.status === 'fulfilled' && outcome.value.commitId)
  assert.is(new Set(ids).size, 1)
  assert.is.not(one?.status === 'fulfilled' && one.value.commitId, ids[0])
})

queue('writers that write again after each response share one commit per round', async () => {
  const memory = createMemoryPfs()
  await createRepoAndBranch(memory, branch)
  // By this clock, a commit takes 40 ms, and a turn of the event loop 1 ms.
  let now = 0
  const clock = mock.method(performance, 'now', () => now)
  mock.timers.enable({ apis: ['setTimeout'] })
  const pfs: typeof memory = {
    ...memory,
    async modifyFile(...request) {
      now += 40
      return memory.modifyFile(...request)
    },
  }
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const writer = async (name: string) => {
    for (const round of [1, 2, 3]) {
      await commit(branch, [put(`/${name}/${round}`)], {})
      // A client's next request arrives in a later turn of the event loop.
      await nextTurn()
    }
  }
  let isDone = false
  const done = Promise.all(['a', 'b', 'c', 'd'].map(writer)).finally(() => {
    isDone = true
  })
  try {
    while (!isDone) {
      await nextTurn()
      mock.timers.tick(1)
    }
    await done
  } finally {
    clock.mock.restore()
    mock.timers.reset()
  }
  let commits = 0
  for await (const { origin } of pfs.listCommit({ repo: branch.repo })) if (origin === 'USER') commits += 1
  // One of the first writer and three of all that wait; six if the first writer missed each round of the others.
  assert.is(commits, 4)
})

queue('each write makes a commit with shareCommits: false', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: false, respondAfter: 'commit' })
  await Promise.all(['/1', '/2', '/3'].map((path) => commit(branch, [put(path)], {})))
  await commit(branch, [put('/4'), put('/5')], {})
  assert.equal(pfs.commits, [['/1'], ['/2'], ['/3'], ['/4', '/5']])
})

queue('two writes to the same or related keys never share a commit, and keep their order', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const open = pfs.hold()
  const changes = [put('/0'), put('/k', 'a'), put('/k', 'b'), put('/other'), put('/k/below'), put('/k', 'c')]
  const outcomes = changes.map((change) => commit(branch, [change], {}))
  open()
  const settled = (await Promise.all(outcomes)).flatMap(reasons)
  assert.equal(pfs.commits, [['/0'], ['/k', '/other'], ['/k'], ['/k']])
  assert.is(await read(pfs, '/k'), 'c')
  assert.instance(settled[4], PathCollision)
})

queue('writers with different tokens do not share a commit', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const open = pfs.hold()
  const writes = ['/0', '/a1', '/b1', '/a2'].map((path) =>
    commit(branch, [put(path)], path === '/0' ? {} : { authToken: path.slice(1, 2) }),
  )
  open()
  await Promise.all(writes)
  assert.equal(pfs.commits, [['/0'], ['/a1', '/a2'], ['/b1']])
})

queue('a write does not overtake one to the same key that waits for another token', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const open = pfs.hold()
  const writes = [
    commit(branch, [put('/0')], {}),
    commit(branch, [put('/x')], { authToken: 'a' }),
    commit(branch, [put('/k', 'first')], { authToken: 'b' }),
    commit(branch, [put('/k', 'second')], { authToken: 'a' }),
  ]
  open()
  await Promise.all(writes)
  assert.equal(pfs.commits, [['/0'], ['/x'], ['/k'], ['/k']])
  assert.is(await read(pfs, '/k'), 'second')
})

queue('the write of a client that leaves while it is queued is not made', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const open = pfs.hold()
  const leaving = new AbortController()
  const first = commit(branch, [put('/1')], {})
  const left = reasonOf(commit(branch, [put('/2')], { signal: leaving.signal }))
  const last = commit(branch, [put('/3')], {})
  leaving.abort(new Error('left'))
  open()
  await Promise.all([first, last])
  assert.match(String(await left), 'left')
  assert.equal(pfs.commits, [['/1'], ['/3']])
})

queue('no commit is made while exclusive work runs', async () => {
  const pfs = await watchedPfs()
  const { commit, exclusively } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const gate = deferred()
  const work = exclusively(branch, {}, () => gate.promise)
  const written = commit(branch, [put('/1')], {})
  await nextTurn()
  assert.equal(pfs.commits, [])
  gate.resolve()
  await Promise.all([work, written])
  assert.equal(pfs.commits, [['/1']])
})

queue('copies of staged bodies are committed in batches of at most 64 MiB', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const copyOf = { commit: head, path: '/source' }
  const open = pfs.hold()
  const first = commit(branch, [put('/source')], {})
  const copies = Array.from({ length: 100 }, (_, index) =>
    commit(branch, [{ path: `/copy-${index}`, content: { copyOf, sizeBytes: 2_500_000 } }], {}),
  )
  open()
  await Promise.all([first, ...copies])
  assert.equal(
    pfs.commits.map((paths) => paths.length),
    [1, 26, 26, 26, 22],
  )
})

queue('a branch whose oldest writer has waited for half a minute accepts no more writers', async () => {
  const pfs = await watchedPfs()
  const { commit, requireRoom, requireWriteAccess } = createCommitQueue(pfs, {
    shareCommits: true,
    respondAfter: 'commit',
  })
  const open = pfs.hold()
  const writes = [commit(branch, [put('/1')], {}), commit(branch, [put('/2')], {})]
  requireRoom(branch)
  const later = performance.now() + 31_000
  const now = mock.method(performance, 'now', () => later)
  try {
    assert.throws(() => requireRoom(branch), isBusy)
    assert.ok(isBusy(await reasonOf(requireWriteAccess(branch, {}))))
    requireRoom({ ...branch, name: 'other' })
  } finally {
    now.mock.restore()
  }
  open()
  await Promise.all(writes)
  requireRoom(branch)
})

queue('a writer without a turn within five minutes is refused', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const pfs = await watchedPfs()
    const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit', turnMilliseconds: 600_000 })
    const open = pfs.hold()
    const first = commit(branch, [put('/1')], {})
    const waiting = reasonOf(commit(branch, [put('/2')], {}))
    mock.timers.tick(300_000)
    assert.ok(isBusy(await waiting))
    open()
    assert.equal(reasons(await first), [undefined])
  } finally {
    mock.timers.reset()
  }
})

queue.run()
