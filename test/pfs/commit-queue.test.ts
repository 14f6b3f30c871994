import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Branch,
  createMemoryPfs,
  type FileOperation,
  type FileOperations,
  PathCollision,
  type PfsClient,
  PfsError,
} from '../../lib/index.js'
import type { Change } from '../../lib/pfs/changes.js'
import type { Outcome } from '../../lib/pfs/commit-changes.js'
import { createCommitQueue } from '../../lib/pfs/commit-queue.js'
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
  let fail = (_: Error): void => undefined
  const failing: PfsClient = {
    ...pfs,
    modifyFile: (commit, operations, options) =>
      Array.isArray(operations) || Symbol.iterator in operations
        ? pfs.modifyFile(commit, operations, options)
        : new Promise((_, reject) => {
            fail = reject
            void (async () => {
              for await (const _operation of operations);
            })().catch(() => undefined)
          }),
  }
  const { commit, stream } = createCommitQueue(failing, { commits: 'shared', confirm: 'commit' })
  const open = pfs.hold()
  const first = commit(branch, [put('/1')], {})
  const streaming = reasonOf(stream(branch, { path: '/s', body: bytes('x') }, {}))
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

queue.run()
