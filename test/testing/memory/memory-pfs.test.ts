import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CallOptions, type Commit, type FileOperation, fileSetRepo } from '../../../lib/pfs/client.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createMemoryPfs } from '../../../lib/testing/index.js'
import { createRepoAndBranch } from '../../support/branch.js'
import { deferred } from '../../support/deferred.js'

const test = suite('PFS in memory')

const repo = { project: 'default', name: 'images', type: 'user' } as const
const master: Commit = { repo, branch: 'master' }

async function createPfs(options = {}): Promise<PachydermApi> {
  const pfs = createMemoryPfs(options)
  await createRepoAndBranch(pfs, { repo, name: 'master' })
  return pfs
}

function add(path: string, text = path): FileOperation {
  return { addFile: { path, raw: Buffer.from(text) } }
}

async function pathsIn(pfs: PachydermApi, commit: Commit = master): Promise<string[]> {
  const paths: string[] = []
  for await (const info of pfs.walkFile({ file: { commit, path: '/' } })) paths.push(info.file.path)
  return paths
}

async function textAt(pfs: PachydermApi, path: string, commit: Commit = master): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of pfs.getFile({ file: { commit, path } })) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function headOf(pfs: PachydermApi): Promise<string> {
  return (await pfs.inspectBranch({ repo, name: 'master' })).head?.id ?? ''
}

async function failureText(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing was refused',
    (error) => `${error.status ?? error.name} ${error.message}`,
  )
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

/** Operations that end only on command. */
function slowly(first: FileOperation) {
  const ended = deferred()
  async function* operations() {
    yield first
    await ended.promise
  }
  return { operations: operations(), end: ended.resolve }
}

test('operations that throw leave no commit', async () => {
  const pfs = await createPfs()
  const head = await headOf(pfs)
  async function* operations() {
    yield add('/a')
    throw new Error('the client is gone')
  }
  assert.is(await failureText(pfs.modifyFile(master, operations())), 'Error the client is gone')
  assert.is(await headOf(pfs), head)
  assert.equal(await pathsIn(pfs), [])
})

test('a refused operation discards those before it, and closes the source', async () => {
  const pfs = await createPfs()
  let isEnded = false
  async function* operations() {
    try {
      yield add('/a')
      yield add('/a*')
      yield add('/b')
    } finally {
      isEnded = true
    }
  }
  const message = 'UNKNOWN path (/a*) invalid: globbing character (*) not allowed in path'
  assert.is(await failureText(pfs.modifyFile(master, operations())), message)
  assert.ok(isEnded)
  assert.equal(await pathsIn(pfs), [])
})

test('a call that is cancelled while its source stalls makes no commit', async () => {
  const pfs = await createPfs()
  const head = await headOf(pfs)
  const giveUp = new AbortController()
  const { operations } = slowly(add('/a'))
  const call = pfs.modifyFile(master, operations, { signal: giveUp.signal })
  giveUp.abort()
  assert.is(await failureText(call), 'CANCELLED context canceled')
  assert.is(await headOf(pfs), head)
})

test('a call that is cancelled before it starts makes no commit', async () => {
  const pfs = await createPfs()
  const head = await headOf(pfs)
  const options = { signal: AbortSignal.abort() }
  assert.is(await failureText(pfs.modifyFile(master, [], options)), 'CANCELLED context canceled')
  assert.is(
    await failureText(pfs.modifyFile(master, slowly(add('/a')).operations, options)),
    'CANCELLED context canceled',
  )
  assert.is(await headOf(pfs), head)
})

test('a slow stream does not block another writer, and both are kept', async () => {
  const pfs = await createPfs()
  const slow = slowly(add('/slow'))
  const slowCall = pfs.modifyFile(master, slow.operations)
  await pfs.modifyFile(master, [add('/fast')])
  assert.equal(await pathsIn(pfs), ['/', '/fast'])
  slow.end()
  await slowCall
  assert.equal(await pathsIn(pfs), ['/', '/fast', '/slow'])
})

test('commits that take some time are made one after the other', async () => {
  const pfs = await createPfs({ commitMilliseconds: 1 })
  const second: string[][] = []
  await Promise.all([
    pfs.modifyFile(master, [add('/1')]).then(async () => second.push(await pathsIn(pfs))),
    pfs.modifyFile(master, [add('/2')]),
  ])
  assert.equal(second, [['/', '/1']])
  assert.equal(await pathsIn(pfs), ['/', '/1', '/2'])
})

test('a call that is cancelled while it waits for its turn makes no commit', async () => {
  const pfs = await createPfs({ commitMilliseconds: 1 })
  const giveUp = new AbortController()
  const first = pfs.modifyFile(master, [add('/1')])
  const second = pfs.modifyFile(master, [add('/2')], { signal: giveUp.signal })
  giveUp.abort()
  assert.is(await failureText(second), 'CANCELLED context canceled')
  await first
  await pfs.modifyFile(master, [add('/3')])
  assert.equal(await pathsIn(pfs), ['/', '/1', '/3'])
})

test('an older commit is read unchanged', async () => {
  const pfs = await createPfs()
  await pfs.modifyFile(master, [add('/d/a', 'one'), add('/d/b')])
  const old = { repo, id: await headOf(pfs) }
  await pfs.modifyFile(master, [add('/d/a', 'two'), { deleteFile: { path: '/d/b' } }])
  assert.is(await textAt(pfs, '/d/a', old), 'one')
  assert.equal(await pathsIn(pfs, old), ['/', '/d/', '/d/a', '/d/b'])
  assert.is(await textAt(pfs, '/d/a'), 'onetwo')
  assert.equal(await pathsIn(pfs), ['/', '/d/', '/d/a'])
})

test('a running read is not affected by a write', async () => {
  const pfs = await createPfs()
  await pfs.modifyFile(master, [add('/a'), add('/b')])
  const walk = pfs.walkFile({ file: { commit: master, path: '/' } })[Symbol.asyncIterator]()
  await walk.next()
  await pfs.modifyFile(master, [{ deleteFile: { path: '/' } }, add('/c')])
  assert.is((await walk.next()).value?.file.path, '/a')
})

test('pages in both directions contain each entry once', async () => {
  const pfs = await createPfs()
  const names = Array.from({ length: 300 }, (_, i) => `/d${i % 7}/${i}`)
  await pfs.modifyFile(
    master,
    names.map((name) => add(name)),
  )
  for (const reverse of [false, true]) {
    const paged: string[] = []
    // In front of the root there is nothing: pachd answers NOT_FOUND.
    for (let marker = reverse ? '/~' : '/', size = -1; size !== 0 && !(reverse && marker === '/'); ) {
      const page: string[] = []
      const request = { file: { commit: master, path: '/' }, number: 7, paginationMarker: marker, reverse }
      for await (const info of pfs.walkFile(request)) page.push(info.file.path)
      paged.push(...page)
      marker = page.at(-1) ?? marker
      size = page.length
    }
    const all = (await pathsIn(pfs)).filter((path) => reverse || path !== '/')
    assert.equal(paged, reverse ? all.reverse() : all)
  }
})

test('a name between a file and its directory hides the collision until it is deleted', async () => {
  const pfs = await createPfs()
  await pfs.modifyFile(master, [add('/n'), add('/n-'), add('/n/1')])
  assert.is((await pfs.inspectCommit({ commit: master, wait: 'FINISHED' })).error, '')
  await pfs.modifyFile(master, [{ deleteFile: { path: '/n-' } }])
  const { error } = await pfs.inspectCommit({ commit: master, wait: 'FINISHED' })
  assert.is(error, 'file / directory path collision (/n/1)')
})

test('an open commit can be repaired before it is finished', async () => {
  const pfs = await createPfs()
  const commit = await pfs.startCommit({ branch: { repo, name: 'master' } })
  await pfs.modifyFile(master, [add('/n/1')])
  await pfs.modifyFile(master, [add('/n')])
  assert.is(await failureText(pathsIn(pfs)), 'UNKNOWN file / directory path collision (/n/1)')
  await pfs.modifyFile(commit, [{ deleteFile: { path: '/n' } }])
  assert.equal(await pathsIn(pfs), ['/', '/n/', '/n/1'])
  await pfs.finishCommit({ commit })
  assert.is((await pfs.inspectCommit({ commit, wait: 'FINISHED' })).error, '')
})

test('a file set expires', async () => {
  let now = new Date(0)
  const pfs = await createPfs({ now: () => now })
  const id = await pfs.createFileSet([add('/a')])
  now = new Date(599_000)
  assert.is(await textAt(pfs, '/a', { repo: fileSetRepo, id }), '/a')
  await pfs.renewFileSet({ fileSetId: id, ttlSeconds: 600 })
  now = new Date(1_198_000)
  assert.is(await textAt(pfs, '/a', { repo: fileSetRepo, id }), '/a')
  now = new Date(1_199_000)
  assert.is(await failureText(textAt(pfs, '/a', { repo: fileSetRepo, id })), 'UNKNOWN get file: path does not exist')
})

test('the files of a commit, and its changes, are available as file sets', async () => {
  const pfs = await createPfs()
  await pfs.modifyFile(master, [add('/a'), add('/b')])
  await pfs.modifyFile(master, [add('/c'), { deleteFile: { path: '/b' } }])
  const total = await pfs.getFileSet({ commit: master })
  assert.equal(await pathsIn(pfs, { repo: fileSetRepo, id: total }), ['/', '/a', '/c'])
  const diff = await pfs.getFileSet({ commit: master, type: 'DIFF' })
  assert.equal(await pathsIn(pfs, { repo: fileSetRepo, id: diff }), ['/', '/c'])
})

test('a wait for a commit ends with its repo, or when the caller cancels', async () => {
  const pfs = await createPfs()
  const commit = await pfs.startCommit({ branch: { repo, name: 'master' } })
  const giveUp = new AbortController()
  const given = pfs.inspectCommit({ commit, wait: 'FINISHED' }, { signal: giveUp.signal })
  const kept = pfs.inspectCommit({ commit, wait: 'FINISHED' })
  giveUp.abort()
  assert.is(await failureText(given), 'CANCELLED context canceled')
  await pfs.deleteRepo({ repo })
  assert.match(await failureText(kept), /^NOT_FOUND .*\nrepo default\/images not found$/s)
})

test('a robot token expires, and rights end with their binding', async () => {
  let now = new Date(0)
  const root = { authToken: 'root' }
  const pfs = createMemoryPfs({ rootToken: 'root', now: () => now })
  await pfs.createRepo({ repo }, root)
  await pfs.modifyFile(master, [add('/a')], root)
  const robot = { authToken: await pfs.getRobotToken({ robot: 'r', ttlSeconds: 60 }, root) }
  const binding = { resource: { type: 'REPO', name: 'default/images' }, principal: 'robot:r' } as const
  const inspect = () => pfs.inspectFile({ commit: master, path: '/a' }, robot)
  assert.match(await failureText(inspect()), /^PERMISSION_DENIED .*needs permissions \[REPO_INSPECT_FILE\] on REPO/)
  await pfs.modifyRoleBinding({ ...binding, roles: ['repoReader'] }, root)
  assert.is((await inspect()).sizeBytes, 2)
  await pfs.modifyRoleBinding({ ...binding, roles: [] }, root)
  assert.match(await failureText(inspect()), /^PERMISSION_DENIED /)
  now = new Date(60_000)
  assert.is(await failureText(inspect()), 'INTERNAL token expiration is in the past')
})

test('anyone can read the bytes of a file set, but only callers with a cluster role its files', async () => {
  const root = { authToken: 'root' }
  const pfs = createMemoryPfs({ rootToken: 'root' })
  const robot = { authToken: await pfs.getRobotToken({ robot: 'r' }, root) }
  const commit = { repo: fileSetRepo, id: await pfs.createFileSet([add('/a')], robot) }
  const file = { commit, path: '/a' }
  const looks = (options: CallOptions): (() => Promise<unknown>)[] => [
    () => pfs.inspectFile(file, options),
    () => all(pfs.listFile({ file: { commit, path: '/' } }, options)),
    () => all(pfs.walkFile({ file: { commit, path: '/' } }, options)),
    () => all(pfs.globFile({ commit, pattern: '/*' }, options)),
  ]
  for (const look of looks(robot)) {
    assert.is(await failureText(look()), 'UNKNOWN no role binding exists for REPO default/__filesets__')
  }
  for (const look of looks(root)) await look()
  assert.is((await all(pfs.getFile({ file }, robot))).length, 1)
  await pfs.createFileSet([{ copyFile: { dst: '/b', src: file } }], robot)
  await pfs.composeFileSet({ fileSetIds: [commit.id] }, robot)
})

test('a copy waits until its source is finished', async () => {
  const pfs = await createPfs({ finishMilliseconds: 50 })
  await pfs.modifyFile(master, [add('/a')])
  const source = { ...master, id: await headOf(pfs) }
  const { finished } = await pfs.inspectCommit({ commit: source })
  assert.is(finished, undefined)
  await pfs.createFileSet([{ copyFile: { dst: '/b', src: { commit: source, path: '/a' } } }])
  assert.instance((await pfs.inspectCommit({ commit: source })).finished, Date)
})

test('a file at a negative offset ends the call as if pachd had crashed', async () => {
  const pfs = await createPfs()
  await pfs.modifyFile(master, [add('/a')])
  const file = { commit: master, path: '/a' }
  assert.match(await failureText(all(pfs.getFile({ file, offset: -1 }))), /^UNAVAILABLE /)
})

test('a copy needs the right to read its source', async () => {
  const root = { authToken: 'root' }
  const pfs = createMemoryPfs({ rootToken: 'root' })
  await pfs.createRepo({ repo }, root)
  await pfs.modifyFile(master, [add('/secret')], root)
  const robot = { authToken: await pfs.getRobotToken({ robot: 'r' }, root) }
  const copy = { copyFile: { dst: '/mine', src: { commit: master, path: '/secret' } } }
  assert.match(
    await failureText(pfs.createFileSet([copy], robot)),
    /^PERMISSION_DENIED .*\[REPO_READ\] on REPO default\/images/,
  )
})

test.run()
