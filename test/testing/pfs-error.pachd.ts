import { randomUUID } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createPachydermClient, filesOf, type PachydermApi, pfsError } from '../../lib/testing/index.js'

/** A new repo on each pachd, and the error of a call there. */
const test = suite('pfsError and filesOf, beside a pachd')

const off = createPachydermClient(process.env.PACHD ?? '')
const on = createPachydermClient(process.env.PACHD_WITH_AUTH ?? '')
const root = { authToken: process.env.PACHD_ROOT_TOKEN }
const name = `errors-${randomUUID()}`
const repo = { project: 'default', name, type: 'user' } as const
const fullName = `default/${name}`
const head = { repo, branch: 'master' }
const commitId = randomUUID().replaceAll('-', '')

test.before(async () => {
  await off.createRepo({ repo })
  await on.createRepo({ repo }, root)
})

test.after(async () => {
  await off.deleteRepo({ repo, force: true })
  await on.deleteRepo({ repo, force: true }, root)
  off.close()
  on.close()
})

/** Compares the stable parts of errors: some of pachd's texts contain ids of its database and calls. */
async function same(expected: PfsError, work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, PfsError)
  const told = ({ status, missing, refusal }: PfsError) => ({ status, missing, refusal })
  assert.equal(told(expected), told(error as PfsError), (error as PfsError).message)
}

const write = (pfs: PachydermApi, path: string, options = {}) =>
  pfs.modifyFile(head, [{ addFile: { path, raw: Buffer.from('1') } }], options)

test('missing entities', async () => {
  await same(pfsError.missing('project', 'no-such'), off.inspectProject('no-such'))
  await same(pfsError.missing('repo', 'default/no-such'), off.inspectRepo({ ...repo, name: 'no-such' }))
  await same(pfsError.missing('branch', `${fullName}@no`), off.inspectCommit({ commit: { repo, branch: 'no' } }))
  await same(
    pfsError.missing('commit', `${fullName}@${commitId}`),
    off.inspectCommit({ commit: { repo, id: commitId } }),
  )
  await write(off, '/a')
  const { commit } = await off.inspectCommit({ commit: head, wait: 'FINISHED' })
  await same(pfsError.missing('file', '/no'), off.inspectFile({ commit, path: '/no' }))
})

test('refusals', async () => {
  await same(pfsError.exists('repo', fullName), off.createRepo({ repo }))
  await same(pfsError.refused('name', 'a.b'), off.createRepo({ repo: { ...repo, name: 'a.b' } }))
  await same(pfsError.refused('path', '/a*'), write(off, '/a*'))
  await same(pfsError.refused('auth-inactive'), off.whoAmI())
})

test('what concerns tokens and rights', async () => {
  await same(pfsError.refused('no-token'), on.whoAmI())
  await same(pfsError.unknownToken(), on.whoAmI({ authToken: 'no-such-token' }))
  const options = { authToken: await on.getRobotToken({ robot: 'someone' }, root) }
  await same(pfsError.denied('REPO_WRITE', fullName), write(on, '/a', options))
})

test('filesOf reads a branch', async () => {
  await write(off, '/dir/b')
  assert.equal(await filesOf(off, `master.${name}`), { a: '1', 'dir/b': '1' })
})

test.run()
