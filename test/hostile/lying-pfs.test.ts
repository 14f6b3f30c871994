import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FileInfo } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { branch, bucket, repos } from '../faults/support/branch.js'
import { createFaultyPfs, type FaultyPfs } from '../faults/support/faulty-pfs.js'
import { ask } from '../support/ask.js'
import { type Gateway, startGateway } from '../support/gateway.js'

/** A PFS with wrong responses. README.md, Integrity: the number before a test's name is that of the class. */
const test = suite<{ gateway: Gateway; truth: PachydermApi; lying: FaultyPfs }>('a PFS with wrong responses')

const contents = { small: Buffer.alloc(5000, 'a'), large: Buffer.alloc(2_500_000, 'b'), empty: Buffer.alloc(0) }

test.before(async (context) => {
  context.truth = createMemoryPfs({ repos })
  const gateway = await startGateway({ pfs: context.truth })
  for (const [name, content] of Object.entries(contents)) {
    assert.is((await ask(gateway.port, 'PUT', `/${bucket}/${name}`, content)).status, 200)
  }
  await gateway.close()
})

// Each test has a new gateway, whose cache has no correct content.
test.before.each(async (context) => {
  context.lying = createFaultyPfs(context.truth)
  context.gateway = await startGateway({ pfs: context.lying.client })
})

test.after.each(({ gateway }) => gateway.close())

/** Every description of a file, changed. */
function described(truth: PachydermApi, change: (info: FileInfo) => Partial<FileInfo>): Partial<PachydermApi> {
  return {
    async *globFile(request, options) {
      for await (const info of truth.globFile(request, options)) yield { ...info, ...change(info) }
    },
    async inspectFile(file, options) {
      const info = await truth.inspectFile(file, options)
      return { ...info, ...change(info) }
    },
  }
}

/** Every content, changed. */
function read(getFile: (whole: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>) {
  return (truth: PachydermApi): Partial<PachydermApi> => ({
    getFile: (request, options) => getFile(truth.getFile(request, options)),
  })
}

async function* followedBy(whole: AsyncIterable<Uint8Array>, more: number): AsyncGenerator<Uint8Array> {
  yield* whole
  for (let count = 0; count < more; count++) yield Buffer.from('more')
}

async function* shortened(whole: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of whole) yield piece.subarray(0, -1)
}

async function* changed(whole: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of whole) yield Buffer.from(piece).fill('x', 0, 1)
}

const size = (change: (bytes: number) => number) => (truth: PachydermApi) =>
  described(truth, ({ sizeBytes }) => ({ sizeBytes: change(sizeBytes) }))

for (const [lie, faults, names] of [
  ['a size that is too small', size((bytes) => bytes - 1), ['small', 'large']],
  ['a size of nothing', size(() => 0), ['small', 'large']],
  ['a size that is too large', size((bytes) => bytes + 1), ['small', 'large', 'empty']],
  ['a size that is much too large', size(() => 2 ** 40), ['small', 'large', 'empty']],
  ['a content that goes on', read((whole) => followedBy(whole, 1)), ['small', 'large']],
  ['a content without end', read((whole) => followedBy(whole, Number.POSITIVE_INFINITY)), ['small', 'large']],
  ['a content that ends early', read(shortened), ['small', 'large']],
  ['another content of the same length', read(changed), ['small']],
  ['an empty hash', (truth: PachydermApi) => described(truth, () => ({ hash: new Uint8Array() })), ['small', 'large']],
  [
    'another hash',
    (truth: PachydermApi) => described(truth, () => ({ hash: new Uint8Array(32).fill(7) })),
    ['small', 'empty'],
  ],
  [
    'no commit',
    (truth: PachydermApi) =>
      described(truth, ({ file }) => ({ file: { ...file, commit: { repo: branch.repo, branch: branch.name } } })),
    ['small', 'large'],
  ],
] as const) {
  test(`22: ${lie} is an error or cuts the connection, and is not cached`, async ({ gateway, truth, lying }) => {
    for (const name of names) {
      for (const headers of [{}, { range: 'bytes=1-' }]) {
        lying.faults = faults(truth)
        const answer = await ask(gateway.port, 'GET', `/${bucket}/${name}`, undefined, headers)
        assert.ok(!answer.isWhole || answer.status >= 400, `${name}: ${answer.status} ${answer.body.length} bytes`)
      }
      lying.faults = {}
      const { status, body } = await ask(gateway.port, 'GET', `/${bucket}/${name}`)
      assert.equal([status, body.equals(contents[name])], [200, true], 'the truth afterwards')
    }
  })
}

test('22: a size that differs from the cached content is an error', async ({ gateway, truth, lying }) => {
  assert.is((await ask(gateway.port, 'GET', `/${bucket}/small`)).status, 200)
  for (const change of [-1, 1]) {
    lying.faults = size((bytes) => bytes + change)(truth)
    const answer = await ask(gateway.port, 'GET', `/${bucket}/small`)
    assert.ok(!answer.isWhole || answer.status >= 400, `${answer.status} ${answer.body.length} bytes`)
  }
})

test('23: a write without a commit is not confirmed', async ({ gateway, truth, lying }) => {
  lying.faults = {
    async modifyFile(_, operations) {
      for await (const _operation of operations);
    },
  }
  for (const [name, content] of Object.entries(contents)) {
    assert.is((await ask(gateway.port, 'PUT', `/${bucket}/new-${name}`, content)).status, 500, name)
  }
  assert.is((await ask(gateway.port, 'DELETE', `/${bucket}/small`)).status, 500)
  lying.faults = {}
  assert.is((await ask(gateway.port, 'GET', `/${bucket}/small`)).status, 200)
  assert.is(
    (await truth.inspectFile({ commit: { repo: branch.repo, branch: branch.name }, path: '/small' })).sizeBytes,
    5000,
  )
})

test.run()
