import { mock } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PfsClient, PfsError } from '../../lib/index.js'
import { createFileLookup } from '../../lib/pfs/file-lookup.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'

const lookups = suite('concurrent look-ups of files')

const repo = { project: 'default', name: 'data', type: 'user' } as const
const commit = { repo, branch: 'master' }
const paths = Array.from({ length: 40 }, (_, index) => `/f${index}`)

/** A PFS with files at `paths`, whose GlobFile calls wait until they are let go. */
async function heldPfs(others: readonly string[] = []) {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, { repo, name: 'master' })
  await pfs.modifyFile(
    commit,
    [...paths, ...others].map((path) => ({ addFile: { path, raw: Buffer.from(path) } })),
  )
  const gate = deferred()
  const begun = deferred()
  const calls: { readonly signal: AbortSignal | undefined; readonly authToken: string | undefined }[] = []
  const held: PfsClient = {
    ...pfs,
    async *globFile(request, options = {}) {
      calls.push({ signal: options.signal, authToken: options.authToken })
      begun.resolve()
      await gate.promise
      options.signal?.throwIfAborted()
      yield* pfs.globFile(request)
    },
  }
  return { pfs: held, calls, begun: begun.promise, letGo: gate.resolve }
}

lookups('share calls, and each gets its file', async () => {
  const { pfs, calls, letGo } = await heldPfs()
  const files = createFileLookup(pfs)
  const found = [...paths, '/missing', '/f'].map((path) => files.find({ commit, path }, {}))
  letGo()
  const results = await Promise.all(found)
  assert.equal(
    results.map((info) => info?.file.path),
    [...paths, undefined, undefined],
  )
  assert.ok(calls.length <= 4, `${calls.length}`)
})

lookups('find files with too many others between them', async () => {
  const between = Array.from({ length: 5000 }, (_, index) => `/f20-${index}`)
  const { pfs, calls, letGo } = await heldPfs(between)
  const files = createFileLookup(pfs)
  letGo()
  for (let round = 0; round < 3; round += 1) {
    const results = await Promise.all(paths.map((path) => files.find({ commit, path }, {})))
    assert.equal(
      results.map((info) => info?.file.path),
      paths,
    )
  }
  // One by one after a range was of no use, which is not tried again each time.
  assert.ok(calls.length > 60, `${calls.length}`)
})

lookups('of several callers, or commits, share nothing', async () => {
  const { pfs, calls, letGo } = await heldPfs()
  const files = createFileLookup(pfs)
  const found = ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'].map((authToken, index) =>
    files.find({ commit, path: paths[index] ?? '' }, { authToken }),
  )
  letGo()
  await Promise.all(found)
  assert.equal(calls.map(({ authToken }) => authToken).sort(), ['a', 'b'])
})

lookups('an aborted one does not affect the others; when all are aborted, the call is cancelled', async () => {
  const { pfs, begun, letGo } = await heldPfs()
  const files = createFileLookup(pfs)
  const busy = files.find({ commit, path: '/f0' }, {})
  await begun
  const leavers = [new AbortController(), new AbortController()]
  const leaving = leavers.map(({ signal }, index) =>
    files.find({ commit, path: paths[index + 3] ?? '' }, { signal }).catch((reason: Error) => reason.message),
  )
  const staying = files.find({ commit, path: '/f9' }, {})
  leavers[0]?.abort(new Error('left'))
  assert.is(await leaving[0], 'left')
  letGo()
  await busy
  assert.is((await staying)?.file.path, '/f9')
  assert.is(await leaving[1]?.then((info) => typeof info !== 'string' && info?.file.path), '/f4')

  const alone = new AbortController()
  const held = await heldPfs()
  const last = createFileLookup(held.pfs).find({ commit, path: '/f0' }, { signal: alone.signal })
  await held.begun
  alone.abort(new Error('gone'))
  assert.is(await last.catch((reason: Error) => reason.message), 'gone')
  assert.ok(held.calls[0]?.signal?.aborted)
})

lookups('do not wait for others that PFS does not answer', async () => {
  const { pfs, calls } = await heldPfs()
  const files = createFileLookup(pfs)
  const find = async (path: string, count: number) => {
    void files.find({ commit, path }, {})
    for (let turns = 0; calls.length < count && turns < 10; turns += 1) await nextTurn()
  }
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    for (const [index, path] of paths.slice(0, 3).entries()) await find(path, index + 1)
    await find('/f8', 4)
    assert.is(calls.length, 3)
    mock.timers.tick(5000)
    await find('/f9', 5)
    assert.ok(calls.length > 3, `${calls.length}`)
  } finally {
    mock.timers.reset()
  }
})

lookups('fail together if PFS refuses the call', async () => {
  const { pfs, letGo } = await heldPfs()
  const files = createFileLookup(pfs)
  const elsewhere = { repo: { ...repo, name: 'nowhere' }, branch: 'master' }
  const found = paths.slice(0, 5).map((path) =>
    files.find({ commit: elsewhere, path }, {}).then(
      () => 'found',
      (reason) => reason instanceof PfsError && reason.status,
    ),
  )
  letGo()
  assert.equal(await Promise.all(found), Array(5).fill('NOT_FOUND'))
})

lookups.run()
