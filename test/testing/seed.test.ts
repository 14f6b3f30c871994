import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler } from '../../lib/index.js'
import { createMemoryPfs, createS3Fetch, filesOf, type MemoryPfsOptions } from '../../lib/testing/index.js'

const test = suite('a seeded PFS in memory')

const repo = { project: 'default', name: 'images', type: 'user' } as const
type Seeds = NonNullable<MemoryPfsOptions['repos']>

test('contains text and bytes, in repos of any project', async () => {
  const pfs = createMemoryPfs({
    repos: {
      images: { master: { 'a.txt': 'ä', '/dir/b.bin': new Uint8Array([0, 255]), empty: '' }, dev: {} },
      'models.vision': { master: { weights: '1' } },
    },
  })
  assert.equal(await filesOf(pfs, 'master.images', { as: 'bytes' }), {
    'a.txt': new Uint8Array([0xc3, 0xa4]),
    'dir/b.bin': new Uint8Array([0, 255]),
    empty: new Uint8Array(),
  })
  assert.equal(await filesOf(pfs, 'dev.images'), {})
  assert.equal(await filesOf(pfs, 'master.models.vision'), { weights: '1' })
  const { parentCommit, error } = await pfs.inspectCommit({ commit: { repo, branch: 'master' } })
  assert.equal([parentCommit, error], [undefined, ''])
})

test('makes a commit for each item of a list, which are versions in S3', async () => {
  const pfs = createMemoryPfs({ repos: { images: { master: [{ a: '1', b: '1' }, { a: '2' }, { b: null, c: '3' }] } } })
  assert.equal(await filesOf(pfs, 'master.images'), { a: '2', c: '3' })
  assert.equal(await filesOf(pfs, 'master^.images'), { a: '2', b: '1' })
  assert.equal(await filesOf(pfs, 'master^2.images'), { a: '1', b: '1' })
  const fetch = createS3Fetch(createS3Handler(pfs, { mode: 'none' }))
  const versions = await (await fetch('/master.images?versions')).text()
  assert.equal(versions.match(/<(Version|DeleteMarker)><Key>\w/g), [
    '<Version><Key>a',
    '<Version><Key>a',
    '<DeleteMarker><Key>b',
    '<Version><Key>b',
    '<Version><Key>c',
  ])
})

test('equals the same content written by calls', async () => {
  const now = () => new Date(0)
  const seeded = createMemoryPfs({ now, repos: { images: { master: {}, dev: { a: '1' } } } })
  const written = createMemoryPfs({ now })
  await written.createRepo({ repo })
  await written.createBranch({ branch: { repo, name: 'master' } })
  await written.modifyFile({ repo, branch: 'dev' }, [{ addFile: { path: '/a', raw: Buffer.from('1') } }])
  const withoutIds = (info: unknown): unknown => JSON.parse(JSON.stringify(info).replaceAll(/"[0-9a-f]{32}"/g, '"id"'))
  for (const name of ['master', 'dev']) {
    const commit = { repo, branch: name }
    const wait = 'FINISHED'
    assert.equal(
      withoutIds(await seeded.inspectCommit({ commit, wait })),
      withoutIds(await written.inspectCommit({ commit, wait })),
    )
    const branch = { repo, name }
    assert.equal(withoutIds(await seeded.inspectBranch(branch)), withoutIds(await written.inspectBranch(branch)))
  }
  assert.equal(await seeded.inspectRepo(repo), await written.inspectRepo(repo))
})

test('belongs to root while auth is active', async () => {
  const pfs = createMemoryPfs({ rootToken: 'root', repos: { images: { master: { a: '1' } } } })
  const authToken = await pfs.getRobotToken({ robot: 'me' }, { authToken: 'root' })
  const refusal = await filesOf(pfs, 'master.images', { authToken }).catch(({ status }) => status)
  assert.is(refusal, 'PERMISSION_DENIED')
  assert.equal(await filesOf(pfs, 'master.images', { authToken: 'root' }), { a: '1' })
  const resource = { type: 'REPO', name: 'default/images' } as const
  assert.equal([...(await pfs.getRoleBinding(resource, { authToken: 'root' })).keys()], ['pach:root'])
})

for (const [what, repos, message] of [
  ['a repo name', { 'a b': {} }, /name \(a b\) invalid/],
  ['a repo name of three parts', { 'a.b.c': {} }, /a\.b\.c is not a repo/],
  ['a branch name', { images: { 'a.b': {} } }, /name \(a\.b\) invalid/],
  ['a path', { images: { master: { 'a*': '' } } }, /path \(a\*\) invalid/],
  ['a file beside a directory', { images: { master: { a: '', 'a/b': '' } } }, /path collision \(\/a\/b\)/],
] as const) {
  test(`refuses ${what} that PFS cannot store`, () => {
    assert.throws(() => createMemoryPfs({ repos: repos as Seeds }), message)
  })
}

test.run()
