import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Change } from '../../lib/commits/change.js'
import type { Outcome } from '../../lib/commits/commit-changes.js'
import { createCommitQueue } from '../../lib/commits/commit-queue.js'
import {
  type Branch,
  createMemoryPfs,
  type FileInfo,
  type FileOperation,
  type FileOperations,
  PathCollision,
  type PfsClient,
  PfsError,
} from '../../lib/index.js'
import { smallFileHash } from '../../lib/pfs/file-hash.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'

const branch: Branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' }
const head = { repo: branch.repo, branch: branch.name }

/** PFS whose commits can be held up, and that tells what each held. */
interface WatchedPfs extends PfsClient {
  readonly commits: string[][]
  hold(): () => void
}

async function watchedPfs(): Promise<WatchedPfs> {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, branch)
  const commits: string[][] = []
  let gate = Promise.resolve()
  return {
    ...pfs,
    commits,
    hold() {
      const { promise, resolve } = deferred()
      gate = promise
      return resolve
    },
    async modifyFile(commit, operations, options) {
      const written: string[] = []
      await gate
      await pfs.modifyFile(commit, watched(operations, written), options)
      commits.push(written)
    },
  }
}

async function* watched(operations: FileOperations, written: string[]): AsyncGenerator<FileOperation> {
  for await (const operation of operations) {
    if ('deleteFile' in operation) written.push(operation.deleteFile.path)
    yield operation
  }
}

const put = (path: string, text = path): Change => ({ path, content: { raw: Buffer.from(text) } })

async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function read(pfs: PfsClient, path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of pfs.getFile({ file: { commit: head, path } })) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function reasonOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (reason) {
    return reason
  }
  return undefined
}

function reasons(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined))
}

const queue = suite('the commit queue')

queue('writes that come while one is under way share the next commit', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
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

queue('who writes again as soon as the last commit is in shares the next one with all others', async () => {
  const pfs = createMemoryPfs({ commitMilliseconds: 30 })
  await createRepoAndBranch(pfs, branch)
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const writer = async (name: string) => {
    for (const round of [1, 2, 3]) await commit(branch, [put(`/${name}/${round}`)], {})
  }
  await Promise.all(['a', 'b', 'c', 'd'].map(writer))
  let commits = 0
  for await (const { origin } of pfs.listCommit({ repo: branch.repo })) if (origin === 'USER') commits += 1
  // One for the first writer, then rounds of all four; six if those answered were left behind each time.
  assert.is(commits, 4)
})

queue('each write has a commit of its own where that is asked for', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'each', confirm: 'commit' })
  await Promise.all(['/1', '/2', '/3'].map((path) => commit(branch, [put(path)], {})))
  await commit(branch, [put('/4'), put('/5')], {})
  assert.equal(pfs.commits, [['/1'], ['/2'], ['/3'], ['/4', '/5']])
})

queue('two writes to one key, or to related ones, never share a commit and keep their order', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
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
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const open = pfs.hold()
  const writes = ['/0', '/a1', '/b1', '/a2'].map((path) =>
    commit(branch, [put(path)], path === '/0' ? {} : { authToken: path.slice(1, 2) }),
  )
  open()
  await Promise.all(writes)
  assert.equal(pfs.commits, [['/0'], ['/a1', '/a2'], ['/b1']])
})

queue('a change that PFS refuses hurts no neighbour', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const outcomes = await commit(branch, [put('/good'), put('/b*d'), put('/fine')], {})
  const [good, bad, fine] = reasons(outcomes)
  assert.equal([good, fine], [undefined, undefined])
  assert.instance(bad, PfsError)
  assert.is(await read(pfs, '/good'), '/good')
  assert.is(await read(pfs, '/fine'), '/fine')
})

queue('a write whose outcome is not known is not made again', async () => {
  const pfs = await watchedPfs()
  let calls = 0
  const broken: PfsClient = {
    ...pfs,
    modifyFile: async () => {
      calls += 1
      throw new PfsError('UNAVAILABLE', 'connection lost')
    },
  }
  const { commit } = createCommitQueue(broken, { commits: 'shared', confirm: 'commit' })
  const outcomes = await commit(branch, [put('/1'), put('/2')], {})
  assert.ok(reasons(outcomes).every((reason) => reason instanceof PfsError && reason.status === 'UNAVAILABLE'))
  assert.is(calls, 1)
})

queue('a write to a branch that is not there makes none', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const [reason] = reasons(await commit({ ...branch, name: 'none' }, [put('/1')], {}))
  assert.ok(reason instanceof PfsError && reason.missing === 'branch')
  assert.equal(pfs.commits, [])
})

queue('a condition is held against what the writes before it have left', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
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

queue('who leaves while waiting is not written', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
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

queue('a slow stream holds nobody up', async () => {
  const pfs = await watchedPfs()
  const { commit, stream } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const rest = deferred()
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('slow ')
    await rest.promise
    yield Buffer.from('body')
  }
  const streaming = stream(branch, { path: '/slow', body: body() }, {})
  await commit(branch, [put('/quick')], {})
  assert.is(await read(pfs, '/quick'), '/quick')
  rest.resolve()
  const { commitId } = await streaming
  assert.is((await pfs.inspectBranch(branch)).head?.id, commitId)
  assert.is(await read(pfs, '/slow'), 'slow body')
})

queue('a stream that throws leaves nothing', async () => {
  const pfs = await watchedPfs()
  const { stream } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const before = (await pfs.inspectBranch(branch)).head?.id
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('wrong digest')
  }
  assert.match(String(await reasonOf(stream(branch, { path: '/half', body: body() }, {}))), 'wrong digest')
  assert.is((await pfs.inspectBranch(branch)).head?.id, before)
})

queue('a stream that collides is refused at its end, whatever came meanwhile', async () => {
  const pfs = await watchedPfs()
  const { commit, stream } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x')
    await commit(branch, [put('/d/file')], {})
  }
  assert.instance(await reasonOf(stream(branch, { path: '/d', body: body() }, {})), PathCollision)
  assert.is(await read(pfs, '/d/file'), '/d/file')
})

queue('a stream whose call fails while it waits for its turn gives the turn back', async () => {
  const pfs = await watchedPfs()
  const begun = deferred<(reason: Error) => void>()
  const failing: PfsClient = {
    ...pfs,
    modifyFile: (commit, operations, options) =>
      Array.isArray(operations) || Symbol.iterator in operations
        ? pfs.modifyFile(commit, operations, options)
        : new Promise((_, reject) => {
            begun.resolve(reject)
            void (async () => {
              for await (const _operation of operations);
            })().catch(() => undefined)
          }),
  }
  const { commit, stream } = createCommitQueue(failing, { commits: 'shared', confirm: 'commit' })
  const open = pfs.hold()
  const first = commit(branch, [put('/1')], {})
  const streaming = reasonOf(stream(branch, { path: '/s', body: bytes('x') }, {}))
  const fail = await begun.promise
  fail(new PfsError('UNAVAILABLE', 'connection lost'))
  assert.match(String(await streaming), 'connection lost')
  open()
  await first
  await commit(branch, [put('/2')], {})
  assert.is(await read(pfs, '/2'), '/2')
})

queue('a write that pachd would lose is told where the finished commit is asked for', async () => {
  const pfs = await watchedPfs()
  // Another gateway's write comes between the checks of ours and its commit.
  const raced: PfsClient = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      await pfs.modifyFile(head, [{ addFile: { path: '/d/x', raw: Buffer.from('x') } }])
      await pfs.modifyFile(commit, operations, options)
    },
  }
  const { commit } = createCommitQueue(raced, { commits: 'shared', confirm: 'finished' })
  const [reason] = reasons(await commit(branch, [put('/d')], {}))
  assert.ok(reason instanceof PfsError && reason.refusal === 'collision')
})

queue('a write into a commit that somebody holds open does not wait for its end', async () => {
  const pfs = await watchedPfs()
  const opened = await pfs.startCommit({ branch })
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'finished' })
  const [outcome] = await commit(branch, [put('/open')], {})
  assert.is(outcome?.status === 'fulfilled' && outcome.value.commitId, opened.id)
})

queue(
  'a write does not wait until PFS has finished the commits before it, and yet sees what they have written',
  async () => {
    const truth = createMemoryPfs({ finishMilliseconds: 30 })
    await createRepoAndBranch(truth, branch)
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
    const { commit } = createCommitQueue(counted, { commits: 'shared', confirm: 'commit' })
    for (const path of ['/d/1', '/d/2', '/d/3', '/d/4']) await commit(branch, [put(path)], {})
    assert.is(waits, 0)
    const [collision] = reasons(await commit(branch, [put('/d')], {}))
    assert.instance(collision, PathCollision)
  },
)

queue('no more than four commits are left for PFS to finish', async () => {
  const truth = createMemoryPfs({ finishMilliseconds: 20 })
  await createRepoAndBranch(truth, branch)
  const { commit } = createCommitQueue(truth, { commits: 'shared', confirm: 'commit' })
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

queue('checks see what the branch holds, whoever wrote it and however far PFS is with it', async () => {
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
      const { commit } = createCommitQueue(truth, { commits: 'shared', confirm: 'commit' })
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
})

queue('a write that fails with words that say nothing is made again only where it was not made', async () => {
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
    const { commit } = createCommitQueue(dubious, { commits: 'shared', confirm: 'commit' })
    const outcomes = await commit(branch, [put('/1'), put('/2')], {})
    assert.equal(
      reasons(outcomes).map((reason) => reason === undefined),
      isMade ? [false, false] : [true, true],
    )
    assert.is(calls, isMade ? 1 : 3)
  }
})

queue('a commit that somebody opens between the checks and ours refuses all that share ours, once', async () => {
  const pfs = await watchedPfs()
  let calls = 0
  const raced: PfsClient = {
    ...pfs,
    modifyFile: (commit, operations, options) => {
      calls += 1
      async function* opened(): AsyncGenerator<FileOperation> {
        yield* operations
        await pfs.startCommit({ branch })
      }
      return pfs.modifyFile(commit, opened(), options)
    },
  }
  const { commit } = createCommitQueue(raced, { commits: 'shared', confirm: 'commit' })
  const outcomes = await commit(branch, [put('/1'), put('/2')], {})
  assert.ok(reasons(outcomes).every((reason) => reason instanceof PfsError && reason.refusal === 'open-parent'))
  assert.is(calls, 1)
})

queue(
  'a body that comes while a commit is open is not written into that commit once it has been finished',
  async () => {
    const pfs = await watchedPfs()
    const opened = await pfs.startCommit({ branch })
    const { stream } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('in ')
      await pfs.finishCommit({ commit: opened })
      yield Buffer.from('time')
    }
    const { commitId } = await stream(branch, { path: '/late', body: body() }, {})
    assert.is.not(commitId, opened.id)
    assert.is(await read(pfs, '/late'), 'in time')
    assert.is((await pfs.inspectCommit({ commit: { repo: branch.repo, id: commitId } })).parentCommit?.id, opened.id)
  },
)

queue('nothing is written into the open commit of an output branch', async () => {
  const pfs = await watchedPfs()
  const output: Branch = { repo: { ...branch.repo, name: 'output' }, name: 'master' }
  await pfs.createRepo({ repo: output.repo })
  await pfs.createBranch({ branch: output, provenance: [branch] })
  const { commit, stream } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const [small] = reasons(await commit(output, [put('/1')], {}))
  const large = await reasonOf(stream(output, { path: '/2', body: bytes('x') }, {}))
  for (const reason of [small, large]) assert.ok(reason instanceof PfsError && reason.refusal === 'output-branch')
  assert.equal(pfs.commits, [])
})

queue('a PFS that never answers does not hold a branch for ever', async () => {
  const pfs = await watchedPfs()
  let isStuck = true
  const stuck: PfsClient = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      if (!isStuck) return pfs.modifyFile(commit, operations, options)
      for await (const _operation of operations);
      await new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new PfsError('CANCELLED', 'given up')))
      })
    },
  }
  const { commit, stream } = createCommitQueue(stuck, { commits: 'shared', confirm: 'commit', turnMilliseconds: 20 })
  const [reason] = reasons(await commit(branch, [put('/1')], {}))
  const streamed = await reasonOf(stream(branch, { path: '/2', body: bytes('x') }, {}))
  for (const each of [reason, streamed]) assert.ok(each instanceof PfsError && each.status === 'DEADLINE_EXCEEDED')
  isStuck = false
  await commit(branch, [put('/3')], {})
  assert.equal(pfs.commits, [['/3']])
})

const add = (path: string) => ({ addFile: { path, raw: Buffer.from(path) } })

/** PFS in memory that takes its time to finish commits. */
async function slowPfs(finishMilliseconds: number): Promise<PfsClient> {
  const pfs = createMemoryPfs({ finishMilliseconds })
  await createRepoAndBranch(pfs, branch)
  return pfs
}

/** A PFS whose next ModifyFile, once `race.isOn`, is raced by another writer before and behind it. */
function racedPfs(truth: PfsClient, before: () => Promise<unknown>, behind: () => Promise<unknown>) {
  const race = { isOn: false, calls: 0 }
  const pfs: PfsClient = {
    ...truth,
    modifyFile: async (commit, operations, options) => {
      race.calls += 1
      if (!race.isOn) return truth.modifyFile(commit, operations, options)
      race.isOn = false
      await before()
      await truth.modifyFile(commit, operations, options)
      await behind()
    },
  }
  return { pfs, race }
}

const nothing = async (): Promise<void> => undefined

queue(
  'a commit that somebody opens after the look at the head, and that takes our write in, is not taken for ours',
  async () => {
    const truth = await slowPfs(50)
    const { pfs, race } = racedPfs(truth, () => truth.startCommit({ branch }), nothing)
    const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
    await commit(branch, [put('/0')], {})
    race.isOn = true
    await commit(branch, [put('/1')], {})
    const { commit: opened } = await truth.inspectCommit({ commit: head })
    await truth.modifyFile(head, [add('/d/x')])
    await truth.finishCommit({ commit: opened })
    assert.instance(reasons(await commit(branch, [put('/d')], {}))[0], PathCollision)
  },
)

queue('what another wrote between our check and our commit is seen by the next check', async () => {
  const truth = await slowPfs(50)
  const { pfs, race } = racedPfs(truth, () => truth.modifyFile(head, [add('/o/x')]), nothing)
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  await commit(branch, [put('/0')], {})
  race.isOn = true
  await commit(branch, [{ path: '/1' }], {})
  assert.instance(reasons(await commit(branch, [put('/o')], {}))[0], PathCollision)
})

queue('what another does behind our commit neither refuses it nor gives it another version', async () => {
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
  for (const confirm of ['commit', 'finished'] as const) {
    for (const changes of cases) {
      const truth = await slowPfs(0)
      await truth.modifyFile(head, [add('/a')])
      let ours: string | undefined
      const { pfs, race } = racedPfs(truth, nothing, async () => {
        ours = (await truth.inspectBranch(branch)).head?.id
        await truth.modifyFile(head, [{ deleteFile: { path: '/1' } }, add('/1'), add('/d'), add('/d/x')])
      })
      race.isOn = true
      const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm })
      const outcomes = await commit(branch, changes, {})
      assert.equal(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.commitId : outcome.reason)),
        changes.map(() => ours),
      )
      assert.is(race.calls, 1)
    }
  }
})

queue('a commit that is broken by one before it is made again without what collides', async () => {
  const truth = await slowPfs(0)
  const { pfs, race } = racedPfs(
    truth,
    () => truth.modifyFile(head, [add('/b/child')]),
    () => truth.modifyFile(head, [{ deleteFile: { path: '/a' } }, add('/a')]),
  )
  race.isOn = true
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'finished' })
  const [a, b] = reasons(await commit(branch, [put('/a', 'ours'), put('/b')], {}))
  assert.is(a, undefined)
  assert.instance(b, PathCollision)
  assert.is(await read(truth, '/a'), 'ours')
})

queue('what PFS refuses to all alike is asked once', async () => {
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
    const { commit } = createCommitQueue(full, { commits: 'shared', confirm: 'commit' })
    await commit(
      branch,
      Array.from({ length: 100 }, (_, index) => put(`/${index}`)),
      {},
    )
    assert.is(calls, 1)
  }
})

queue('a sender that leaves when its commit may be on the way keeps the turn until PFS has answered', async () => {
  const pfs = await watchedPfs()
  const leaving = new AbortController()
  const late: PfsClient = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      if (Symbol.iterator in operations) return pfs.modifyFile(commit, operations, options)
      const received: FileOperation[] = []
      for await (const operation of operations) received.push(operation)
      leaving.abort(new Error('left'))
      // What a pachd does whose transaction is under way.
      await new Promise((resolve) => setImmediate(resolve))
      await pfs.modifyFile(commit, received)
    },
  }
  const { commit, stream } = createCommitQueue(late, { commits: 'shared', confirm: 'commit' })
  const left = reasonOf(stream(branch, { path: '/d/x', body: bytes('x') }, { signal: leaving.signal }))
  await new Promise((resolve) => leaving.signal.addEventListener('abort', resolve))
  assert.instance(reasons(await commit(branch, [put('/d')], {}))[0], PathCollision)
  await left
})

queue('a write does not overtake one to the same key that waits for another token', async () => {
  const pfs = await watchedPfs()
  const { commit } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
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

queue('many bodies that wait for turns of their own do not keep small writes waiting', async () => {
  const pfs = await watchedPfs()
  const { commit, stream } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const done: string[] = []
  await new Promise<void>((begun) => {
    let waiting = 0
    const bodies = Array.from({ length: 20 }, (_, index) => {
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('x')
        waiting += 1
        if (waiting === 20) begun()
      }
      return stream(branch, { path: `/large/${index}`, body: body() }, {}).then(() => done.push('large'))
    })
    void Promise.all(bodies)
  })
  await commit(branch, [put('/small')], {})
  assert.ok(done.length < 10, `${done.length} came first`)
})

queue('nobody else writes while other work has the branch alone', async () => {
  const pfs = await watchedPfs()
  const { commit, alone } = createCommitQueue(pfs, { commits: 'shared', confirm: 'commit' })
  const gate = deferred()
  const work = alone(branch, {}, () => gate.promise)
  const written = commit(branch, [put('/1')], {})
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(pfs.commits, [])
  gate.resolve()
  await Promise.all([work, written])
  assert.equal(pfs.commits, [['/1']])
})

queue('a path of very many directories is checked in few calls, and as any other', async () => {
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
  const { commit } = createCommitQueue(counted, { commits: 'shared', confirm: 'commit' })
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

queue.run()
