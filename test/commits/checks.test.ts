import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Change } from '../../lib/commits/change.js'
import { createCommitQueue } from '../../lib/commits/commit-queue.js'
import { type FileInfo, PathCollision, type PfsClient } from '../../lib/index.js'
import { smallFileHash } from '../../lib/pfs/file-hash.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { add, branch, head, nothing, put, racedPfs, read, reasons, slowPfs, watchedPfs } from './queue-rig.js'

const queue = suite('checks before a commit')

queue('a condition is checked against the state after earlier writes', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const create: Change = {
    ...put('/once'),
    condition: (current) => {
      if (current !== undefined) throw new Error('exists')
    },
  }
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => commit(branch, [create], {})))
  assert.is(outcomes.flatMap(reasons).filter((reason) => reason === undefined).length, 1)
  assert.is(pfs.commits.length, 1)
})

queue(
  'checks see the current content of the branch, from any writer and even if PFS has not finished its commit',
  async () => {
    const paths = ['/a', '/a/x', '/a/y', '/b', '/b/x/y', '/c']
    const step = fc.record({
      by: fc.constantFrom('us', 'us', 'us', 'another'),
      path: fc.constantFrom(...paths),
      kind: fc.constantFrom('put', 'put', 'delete'),
      settle: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const truth = createMemoryPfs({ finishMilliseconds: 5 })
        await createRepoAndBranch(truth, branch)
        const { commit } = createCommitQueue(truth, { shareCommits: true, respondAfter: 'commit' })
        const model = new Map<string, string>()
        for (const [index, { by, path, kind, settle }] of steps.entries()) {
          const text = `${index}`
          const isBlocked =
            kind === 'put' &&
            [...model.keys()].some((known) => known.startsWith(`${path}/`) || path.startsWith(`${known}/`))
          if (by === 'another') {
            if (isBlocked) continue
            const addFile = { addFile: { path, raw: Buffer.from(text) } }
            await truth.modifyFile(head, [{ deleteFile: { path } }, ...(kind === 'put' ? [addFile] : [])])
          } else {
            let seen: Uint8Array | undefined
            const condition = (current: FileInfo | undefined): void => {
              seen = current?.hash
            }
            const change: Change = kind === 'put' ? { ...put(path, text), condition } : { path, condition }
            const [reason] = reasons(await commit(branch, [change], {}))
            assert.is(reason instanceof PathCollision, isBlocked)
            assert.is(reason === undefined, !isBlocked)
            const held = model.get(path)
            const wanted = held === undefined ? undefined : await smallFileHash(Buffer.from(held))
            if (!isBlocked) assert.equal(seen && Buffer.from(seen), wanted && Buffer.from(wanted))
          }
          if (isBlocked) continue
          if (kind === 'put') model.set(path, text)
          else model.delete(path)
          if (settle) await truth.inspectCommit({ commit: head, wait: 'FINISHED' })
        }
        for (const [path, text] of model) assert.is(await read(truth, path), text)
      }),
      { numRuns: 60 },
    )
  },
)

queue('a write sees earlier commits without waiting until PFS has finished them', async () => {
  const truth = createMemoryPfs({ repos: { data: { master: {} } }, finishMilliseconds: 30 })
  let waits = 0
  const counted: PfsClient = {
    ...truth,
    inspectCommit: async (request, options) => {
      const { commit } = request
      if (request.wait === 'FINISHED' && (await truth.inspectCommit({ commit })).finished === undefined) waits += 1
      return truth.inspectCommit(request, options)
    },
    inspectFile: async (file, options) => {
      if ((await truth.inspectCommit(file)).finished === undefined) waits += 1
      return truth.inspectFile(file, options)
    },
  }
  // The branch may have been made just now.
  await truth.inspectCommit({ commit: head, wait: 'FINISHED' })
  const { commit } = createCommitQueue(counted, { shareCommits: true, respondAfter: 'commit' })
  for (const path of ['/d/1', '/d/2', '/d/3', '/d/4']) await commit(branch, [put(path)], {})
  assert.is(waits, 0)
  const [collision] = reasons(await commit(branch, [put('/d')], {}))
  assert.instance(collision, PathCollision)
})

queue('at most four commits are unfinished', async () => {
  const truth = createMemoryPfs({ repos: { data: { master: {} } }, finishMilliseconds: 20 })
  const { commit } = createCommitQueue(truth, { shareCommits: true, respondAfter: 'commit' })
  let most = 0
  for (let count = 0; count < 20; count += 1) {
    await commit(branch, [{ path: `/${count}` }], {})
    let unfinished = 0
    for await (const { finished } of truth.listCommit({ repo: branch.repo }))
      if (finished === undefined) unfinished += 1
    most = Math.max(most, unfinished)
  }
  assert.ok(most > 1 && most <= 4, `${most}`)
})

queue('a path with very many directories is checked in few calls, with the same result', async () => {
  const pfs = await watchedPfs()
  let calls = 0
  const counted: PfsClient = {
    ...pfs,
    globFile: (...args) => {
      calls += 1
      return pfs.globFile(...args)
    },
    listFile: (...args) => {
      calls += 1
      return pfs.listFile(...args)
    },
  }
  const { commit } = createCommitQueue(counted, { shareCommits: true, respondAfter: 'commit' })
  const deep = (count: number): string => '/a'.repeat(count)
  assert.equal(reasons(await commit(branch, [put(deep(500))], {})), [undefined])
  assert.ok(calls <= 10, `${calls}`)
  assert.equal(reasons(await commit(branch, [put(`${deep(499)}/b`)], {})), [undefined])
  assert.equal(reasons(await commit(branch, [put(`${deep(20)}/b`)], {})), [undefined])
  for (const below of [1, 7, 300]) {
    const [refusal] = reasons(await commit(branch, [put(`${deep(20)}/b${deep(below)}`)], {}))
    assert.ok(refusal instanceof PathCollision && refusal.other === `${deep(20)}/b`, `${below}`)
  }
})

queue('a directory is found beside keys that sort between it and its path', async () => {
  const pfs = await watchedPfs()
  await pfs.modifyFile(head, [add('/a/1'), add('/a-b')])
  const release = pfs.hold()
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  const first = commit(branch, [put('/first')], {})
  // '/a' is the last of these paths, but '/a/' sorts behind '/a-b/'.
  const batch = [put('/00'), put('/0x', 'content'), { path: '/a-b' }, put('/a')].map((change) =>
    commit(branch, [change], {}),
  )
  release()
  await first
  const [refusal, ...others] = (await Promise.all(batch)).flatMap(reasons).toReversed()
  assert.ok(refusal instanceof PathCollision && refusal.other === '/a/', `${refusal}`)
  assert.equal(others, [undefined, undefined, undefined])
  assert.equal(pfs.commits.slice(1), [['/first'], ['/00', '/0x', '/a-b']])
  assert.is((await pfs.inspectCommit({ commit: head, wait: 'FINISHED' })).error, '')
  assert.is(await read(pfs, '/0x'), 'content')
  assert.is(await read(pfs, '/a/1'), '/a/1')
})

queue('the next check sees what another writer committed between our check and our commit', async () => {
  const truth = await slowPfs(50)
  const { pfs, race } = racedPfs(truth, () => truth.modifyFile(head, [add('/o/x')]), nothing)
  const { commit } = createCommitQueue(pfs, { shareCommits: true, respondAfter: 'commit' })
  await commit(branch, [put('/0')], {})
  race.isOn = true
  await commit(branch, [{ path: '/1' }], {})
  assert.instance(reasons(await commit(branch, [put('/o')], {}))[0], PathCollision)
})

queue('any number of PFS calls may listen to the signal of a turn without a warning', async () => {
  const pfs = await watchedPfs()
  let listeners = 0
  const listening: PfsClient = {
    ...pfs,
    inspectCommit: (request, options) => {
      for (; options?.signal !== undefined && listeners < 20; listeners += 1) {
        options.signal.addEventListener('abort', () => undefined)
      }
      return pfs.inspectCommit(request, options)
    },
  }
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const { commit } = createCommitQueue(listening, { shareCommits: true, respondAfter: 'commit' })
  await commit(branch, [put('/1')], {})
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', onWarning)
  assert.is(listeners, 20)
  assert.equal(warnings, [])
})

queue.run()
