import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler, PfsError } from '../../lib/index.js'
import {
  createMemoryPfs,
  createS3Fetch,
  type Missing,
  mockPfs,
  pfsError,
  type Refusal,
} from '../../lib/testing/index.js'

const test = suite('pfsError')

const repo = { project: 'default', name: 'images', type: 'user' } as const
const master = { repo, name: 'master' }
const commitId = `${'0'.repeat(12)}4${'0'.repeat(19)}`

async function errorOf(work: Promise<unknown>): Promise<PfsError> {
  try {
    await work
  } catch (error) {
    if (error instanceof PfsError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const names: Readonly<Record<Missing, string>> = {
  project: 'default',
  repo: 'default/images',
  branch: 'default/images@master',
  commit: `default/images@${commitId}`,
  file: '/a b/c.txt',
}

for (const [what, name] of Object.entries(names) as [Missing, string][]) {
  test(`missing ${what} is classified as missing`, () => {
    const error = pfsError.missing(what, name)
    assert.equal([error.status, error.missing, error.refusal], ['NOT_FOUND', what, undefined])
  })
}

const refusals: Readonly<Record<Refusal, true>> = {
  'auth-inactive': true,
  'no-token': true,
  'expired-token': true,
  'output-branch': true,
  name: true,
  path: true,
  'not-a-file': true,
  collision: true,
  finished: true,
  'unfinished-parent': true,
  'open-parent': true,
  provenance: true,
  pipeline: true,
  forgotten: true,
  'rolled-back': true,
}

for (const refusal of Object.keys(refusals) as Refusal[]) {
  test(`refused ${refusal} is classified as such`, () => {
    assert.is(pfsError.refused(refusal).refusal, refusal)
    assert.is(pfsError.refused(refusal).missing, undefined)
  })
}

test('the errors equal those of PFS in memory, which match pachd', async () => {
  const pfs = createMemoryPfs()
  const same = async (expected: PfsError, work: Promise<unknown>): Promise<void> => {
    const error = await errorOf(work)
    assert.equal([expected.status, expected.message], [error.status, error.message])
  }
  await same(pfsError.missing('project', 'no'), pfs.inspectProject('no'))
  await same(pfsError.missing('repo', 'default/images'), pfs.inspectRepo(repo))
  await same(pfsError.refused('auth-inactive'), pfs.whoAmI())
  await pfs.createRepo({ repo })
  await same(pfsError.exists('repo', 'default/images'), pfs.createRepo({ repo }))
  await same(
    pfsError.missing('branch', 'default/images@master'),
    pfs.inspectCommit({ commit: { repo, branch: 'master' } }),
  )
  await pfs.createBranch({ branch: master })
  await same(
    pfsError.missing('commit', `default/images@${commitId}`),
    pfs.inspectCommit({ commit: { repo, id: commitId } }),
  )
  const { commit } = await pfs.inspectCommit({ commit: { repo, branch: 'master' } })
  const missing = await errorOf(pfs.inspectFile({ commit, path: '/a' }))
  assert.is(missing.message.replace(/\w+$/, ''), pfsError.missing('file', '/a').message.replace(/\w+$/, ''))
  await same(pfsError.refused('name', 'a.b'), pfs.createRepo({ repo: { ...repo, name: 'a.b' } }))
  await same(
    pfsError.refused('path', '/a*'),
    pfs.modifyFile({ repo, branch: 'master' }, [{ deleteFile: { path: '/a*' } }]),
  )

  const guarded = createMemoryPfs({ rootToken: 'root' })
  await guarded.createRepo({ repo }, { authToken: 'root' })
  await same(pfsError.refused('no-token'), guarded.whoAmI())
  await same(pfsError.unknownToken(), guarded.whoAmI({ authToken: 'another' }))
  const authToken = await guarded.getRobotToken({ robot: 'someone' }, { authToken: 'root' })
  await same(
    pfsError.denied('REPO_WRITE', 'default/images'),
    guarded.modifyFile({ repo, branch: 'master' }, [], { authToken }),
  )
})

test('the gateway converts each to an S3 error', async () => {
  const answerTo = async (error: PfsError): Promise<string> => {
    const refuse = async (): Promise<never> => {
      throw error
    }
    async function* refuseStream(): AsyncGenerator<never> {
      yield await refuse()
    }
    const pfs = mockPfs({ inspectCommit: refuse, globFile: refuseStream, getFile: refuseStream, inspectFile: refuse })
    const answer = await createS3Fetch(createS3Handler(pfs, { mode: 'none' }))('/master.images/a')
    return `${answer.status} ${/<Code>(\w+)</.exec(await answer.text())?.[1]}`
  }
  assert.is(await answerTo(pfsError.missing('file', '/a')), '404 NoSuchKey')
  assert.is(await answerTo(pfsError.missing('branch', 'default/images@master')), '404 NoSuchBucket')
  assert.is(await answerTo(pfsError.missing('repo', 'default/images')), '404 NoSuchBucket')
  assert.is(await answerTo(pfsError.denied('REPO_READ', 'default/images')), '403 AccessDenied')
  assert.is(await answerTo(pfsError.unavailable()), '503 ServiceUnavailable')
})

test.run()
