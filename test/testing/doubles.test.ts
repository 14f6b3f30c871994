import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler, PfsError } from '../../lib/index.js'
import {
  createMemoryPfs,
  createS3Fetch,
  filesOf,
  mockPfs,
  type PachydermApi,
  type PfsFaults,
  pfsError,
  withFaults,
} from '../../lib/testing/index.js'
import { pachydermMethods } from '../../lib/testing/pachyderm-methods.js'

const repo = { project: 'default', name: 'images', type: 'user' } as const
const head = { repo, branch: 'master' }
const add = (path: string, text: string) => [{ addFile: { path, raw: Buffer.from(text) } }]

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    return error instanceof PfsError ? error.status : error
  }
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

const mocks = suite('mockPfs')

mocks('returns what the test provides', async () => {
  const pfs = mockPfs({ whoAmI: async () => ({ username: 'robot:me' }) })
  assert.equal(await pfs.whoAmI(), { username: 'robot:me' })
})

for (const [name, { responseStream }] of Object.entries(pachydermMethods)) {
  mocks(`fails ${name} with an error that names it`, async () => {
    const call = (mockPfs({}) as unknown as Record<string, () => unknown>)[name]
    const answer = call?.()
    const work = responseStream ? collect(answer as AsyncIterable<unknown>) : (answer as Promise<unknown>)
    const error = await work.then(
      () => undefined,
      (thrown: Error) => thrown.message,
    )
    assert.is(error, `mockPfs: ${name} was called, but the test does not provide it`)
  })
}

mocks('has every call of PFS in memory', () => {
  const pfs = createMemoryPfs()
  assert.equal(Object.keys(pfs).sort(), Object.keys(pachydermMethods).sort())
})

mocks('is a client of the gateway, which reports a missing call', async () => {
  const errors: unknown[] = []
  const handler = createS3Handler(mockPfs({}), { mode: 'none' }, { onError: (error) => errors.push(error) })
  assert.is((await createS3Fetch(handler)('/')).status, 500)
  assert.match(String(errors[0]), 'mockPfs: listRepo was called')
})

mocks.run()

const faulty = suite('withFaults')

async function pfsWith(faults: PfsFaults): Promise<{ readonly truth: PachydermApi; readonly pfs: PachydermApi }> {
  const truth = createMemoryPfs()
  await truth.createRepo({ repo })
  await truth.createBranch({ branch: { repo, name: 'master' } })
  await truth.modifyFile(head, [...add('/a', '1'), ...add('/b', '2'), ...add('/c', '3')])
  return { truth, pfs: withFaults(truth, faults) }
}

faulty('a call fails with the status or the error, and the others succeed', async () => {
  const { truth, pfs } = await pfsWith({
    modifyFile: { fail: 'UNAVAILABLE' },
    inspectRepo: { fail: pfsError.missing('repo', 'default/images') },
    inspectProject: { fail: new RangeError('mine') },
  })
  assert.is(await outcome(pfs.modifyFile(head, add('/d', '4'))), 'UNAVAILABLE')
  assert.is(await outcome(pfs.inspectRepo(repo)), 'NOT_FOUND')
  assert.instance(await outcome(pfs.inspectProject('default')), RangeError)
  assert.equal(await filesOf(truth, 'master.images'), { a: '1', b: '2', c: '3' })
  assert.equal(await filesOf(pfs, 'master.images'), { a: '1', b: '2', c: '3' })
})

faulty('skip and times select the calls', async () => {
  const { pfs } = await pfsWith({ inspectRepo: { fail: 'INTERNAL', skip: 1, times: 2 } })
  const outcomes: unknown[] = []
  for (let call = 0; call < 4; call++) outcomes.push(typeof (await outcome(pfs.inspectRepo(repo))))
  assert.equal(outcomes, ['object', 'string', 'string', 'object'])
})

faulty('a call that fails at the end has taken effect', async () => {
  const { truth, pfs } = await pfsWith({ modifyFile: { fail: 'DEADLINE_EXCEEDED', failAt: 'end', times: 1 } })
  assert.is(await outcome(pfs.modifyFile(head, add('/d', '4'))), 'DEADLINE_EXCEEDED')
  assert.equal(await filesOf(truth, 'master.images'), { a: '1', b: '2', c: '3', d: '4' })
})

for (const [failAt, read] of [
  ['start', []],
  [0, []],
  [2, ['/a', '/b']],
  ['end', ['/a', '/b', '/c']],
] as const) {
  faulty(`a stream breaks at ${failAt}`, async () => {
    const { pfs } = await pfsWith({ listFile: { fail: 'UNAVAILABLE', failAt } })
    const paths: string[] = []
    const work = async (): Promise<void> => {
      for await (const { file } of pfs.listFile({ file: { commit: head, path: '/' } })) paths.push(file.path)
    }
    assert.is(await outcome(work()), 'UNAVAILABLE')
    assert.equal(paths, read)
  })
}

faulty('a function receives the arguments, and only the calls that it selects count', async () => {
  const { pfs } = await pfsWith({
    inspectFile: ({ path }) => (path === '/b' ? { fail: 'INTERNAL', times: 1 } : undefined),
  })
  const inspect = async (path: string): Promise<unknown> =>
    typeof (await outcome(pfs.inspectFile({ commit: head, path })))
  assert.equal([await inspect('/a'), await inspect('/b'), await inspect('/b')], ['object', 'string', 'object'])
})

faulty('a delayed call succeeds after its delay, and does not reach PFS before', async () => {
  const order: string[] = []
  const slow = withFaults(
    { ...createMemoryPfs(), whoAmI: async () => ({ username: String(order.push('asked')) }) },
    { whoAmI: { delayMilliseconds: 1 } },
  )
  const answer = slow.whoAmI()
  order.push('called')
  assert.equal(await answer, { username: '2' })
  assert.equal(order, ['called', 'asked'])
})

for (const delayMilliseconds of [60_000, Number.POSITIVE_INFINITY]) {
  faulty(
    `a caller that cancels during a delay of ${delayMilliseconds} gets CANCELLED, and the call does not reach PFS`,
    async () => {
      const { truth, pfs } = await pfsWith({ modifyFile: { delayMilliseconds }, listFile: { delayMilliseconds } })
      const controller = new AbortController()
      const { signal } = controller
      const writing = outcome(pfs.modifyFile(head, add('/d', '4'), { signal }))
      const listing = outcome(collect(pfs.listFile({ file: { commit: head, path: '/' } }, { signal })))
      controller.abort()
      assert.equal([await writing, await listing], ['CANCELLED', 'CANCELLED'])
      assert.equal(await filesOf(truth, 'master.images'), { a: '1', b: '2', c: '3' })
      const late = outcome(pfs.modifyFile(head, add('/d', '4'), { signal }))
      assert.is(await late, 'CANCELLED')
    },
  )
}

faulty('a client with more members, or of a class, keeps them', async () => {
  class Own {
    readonly #answer = 'robot:own'
    readonly address = 'grpc://own'
    async whoAmI() {
      return { username: this.#answer }
    }
    close(): string {
      return `closed ${this.#answer}`
    }
  }
  const own = withFaults(new Own() as unknown as PachydermApi & Own, { whoAmI: { fail: 'INTERNAL', times: 1 } })
  assert.is(own.address, 'grpc://own')
  assert.is(own.close(), 'closed robot:own')
  assert.is(await outcome(own.whoAmI()), 'INTERNAL')
  assert.equal(await own.whoAmI(), { username: 'robot:own' })
  assert.is((own as { then?: unknown }).then, undefined)
})

faulty('the gateway does not repeat a write that may have succeeded, and says so', async () => {
  const { truth, pfs } = await pfsWith({ modifyFile: { fail: 'UNAVAILABLE', times: 1 } })
  const fetch = createS3Fetch(createS3Handler(pfs, { mode: 'none' }))
  const put = () => fetch('/master.images/d', { method: 'PUT', body: '4' })
  assert.is((await put()).status, 503)
  assert.is((await put()).status, 200)
  assert.equal(await filesOf(truth, 'master.images'), { a: '1', b: '2', c: '3', d: '4' })
})

faulty.run()

const files = suite('filesOf')

files('reads text and bytes of the branch of a bucket name', async () => {
  const { truth: pfs } = await pfsWith({})
  await pfs.modifyFile(head, add('/dir/e b.txt', 'ä'))
  assert.equal(await filesOf(pfs, 'images'), { a: '1', b: '2', c: '3', 'dir/e b.txt': 'ä' })
  assert.equal(await filesOf(pfs, 'master^.images'), { a: '1', b: '2', c: '3' })
  const { 'dir/e b.txt': bytes } = await filesOf(pfs, 'master.images.default', { as: 'bytes' })
  assert.equal(bytes, new Uint8Array([0xc3, 0xa4]))
})

files('has a file of any name', async () => {
  const { truth: pfs } = await pfsWith({})
  await pfs.modifyFile(head, add('/__proto__', '4'))
  const entries = Object.entries(await filesOf(pfs, 'images')).sort()
  assert.equal(entries, [
    ['__proto__', '4'],
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ])
})

files('of an empty branch is an empty object, of a missing one NOT_FOUND', async () => {
  const pfs = createMemoryPfs()
  await pfs.createRepo({ repo })
  await pfs.createBranch({ branch: { repo, name: 'master' } })
  assert.equal(await filesOf(pfs, 'master.images'), {})
  assert.is(await outcome(filesOf(pfs, 'dev.images')), 'NOT_FOUND')
})

files('uses a token', async () => {
  const authToken = 'root'
  const pfs = createMemoryPfs({ rootToken: authToken })
  await pfs.createRepo({ repo }, { authToken })
  await pfs.modifyFile(head, add('/a', '1'), { authToken })
  assert.is(await outcome(filesOf(pfs, 'master.images')), 'UNAUTHENTICATED')
  assert.equal(await filesOf(pfs, 'master.images', { authToken }), { a: '1' })
})

files.run()
