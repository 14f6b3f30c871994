import { request } from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Branch } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'

const branchOf = (name: string, repo: string, project = 'default'): Branch => ({
  repo: { project, name: repo, type: 'user' },
  name,
})

const createPfs = (): PachydermApi =>
  createMemoryPfs({ repos: { images: { master: {} }, 'images.vision': { master: {} }, 'a--b': { dev: {} } } })

const names = (text: string) => [...text.matchAll(/<Name>(.*?)<\/Name>/g)].map(([, name]) => name)

const aliased = suite<{ gateway: Gateway }>('names of buckets without dots')

aliased.before(async (context) => {
  const options = {
    bucketAliases: { 'training-data': 'master.images.vision', 'long-ago': 'master^.images' },
    bucketSeparator: '--',
    domains: ['s3.test'],
  }
  context.gateway = await startGateway({ pfs: createPfs(), options })
})

aliased.after(({ gateway }) => gateway.close())

aliased('buckets are listed by alias, or with the separator if that is unambiguous', async ({ gateway }) => {
  const listed = names((await ask(gateway.port, 'GET', '/')).text)
  assert.equal(listed, ['dev.a--b', 'long-ago', 'master--images', 'training-data'])
})

aliased(
  "an alias, a separator and dots name the same bucket, and responses use the client's name",
  async ({ gateway }) => {
    const same = ['training-data', 'master--images--vision', 'master.images.vision']
    for (const [index, name] of same.entries()) {
      const key = `by-${index}`
      assert.is((await ask(gateway.port, 'PUT', `/${name}/${key}`, name)).status, 200, name)
      for (const other of same) assert.is((await ask(gateway.port, 'GET', `/${other}/${key}`)).text, name)
      const listing = await ask(gateway.port, 'GET', `/${name}?list-type=2`)
      assert.equal([names(listing.text), listing.text.includes(key)], [[name], true])
      assert.match((await ask(gateway.port, 'POST', `/${name}/${key}?uploads`)).text, `<Bucket>${name}</Bucket>`)
    }
  },
)

aliased('a name without a separator still means the branch master', async ({ gateway }) => {
  assert.is((await ask(gateway.port, 'PUT', '/images/of-master', 'x')).status, 200)
  assert.is((await ask(gateway.port, 'GET', '/master--images/of-master')).text, 'x')
})

aliased('an alias may name a commit, which is read-only', async ({ gateway }) => {
  const { status, text } = await ask(gateway.port, 'PUT', '/long-ago/k', 'x')
  assert.is(status, 405)
  assert.match(text, 'The bucket long-ago is a branch at one commit')
})

aliased('an alias works as the source of a copy and as a virtual host', async ({ gateway }) => {
  await ask(gateway.port, 'PUT', '/training-data/source', 'to be copied')
  const headers = { 'x-amz-copy-source': 'training-data/source' }
  const copy = await fetch(`${gateway.endpoint}/images/copy`, { method: 'PUT', headers })
  assert.is(copy.status, 200)
  for (const host of ['training-data.s3.test', 'master--images--vision.s3.test']) {
    assert.is(await readFrom(gateway, host, '/source'), 'to be copied', host)
  }
})

/** The body at a path of a virtual host; `fetch` would not send another Host. */
function readFrom({ port }: Gateway, host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port, path, headers: { host } }, async (answer) => {
      resolve((await answer.toArray()).map(String).join(''))
    })
      .on('error', reject)
      .end()
  })
}

aliased('an alias of a missing bucket can be created and deleted', async () => {
  const options = { bucketAliases: { later: 'master.later' } }
  const gateway = await startGateway({ options })
  assert.is((await ask(gateway.port, 'GET', '/later')).code, 'NoSuchBucket')
  assert.is((await ask(gateway.port, 'PUT', '/later')).status, 200)
  assert.equal(names((await ask(gateway.port, 'GET', '/')).text), ['later'])
  assert.is((await ask(gateway.port, 'DELETE', '/master.later')).status, 204)
  assert.is((await ask(gateway.port, 'GET', '/later')).code, 'NoSuchBucket')
  await gateway.close()
})

aliased.run()

const missing = suite<{ gateway: Gateway; pfs: PachydermApi }>('a missing bucket')

missing.before(async (context) => {
  context.pfs = createPfs()
  context.gateway = await startGateway({ pfs: context.pfs })
})

missing.after(({ gateway }) => gateway.close())

const message = (text: string) => /<Message>(.*?)<\/Message>/.exec(text)?.[1] ?? ''

missing('the error names the branch, repo and project', async ({ gateway }) => {
  for (const [target, expected] of [
    ['/dev.images', 'no branch "dev" of a repo "images" in the project "default".'],
    ['/none', 'no branch "master" of a repo "none" in the project "default".'],
    ['/dev.images.vision/key', 'no branch "dev" of a repo "images" in the project "vision".'],
    ['/master.images.visoin/key', 'in the project "visoin". The project "visoin" does not exist.'],
    [
      '/images.master/key',
      'in the project "default". The bucket "master.images" exists: the branch comes before the repo.',
    ],
    ['/images.master.vision', 'The bucket "master.images.vision" exists: the branch comes before the repo.'],
  ] as const) {
    const { code, text } = await ask(gateway.port, 'GET', target)
    assert.is(code, 'NoSuchBucket', target)
    assert.ok(message(text).endsWith(expected), message(text))
  }
})

missing('the source of a copy is explained, too', async ({ gateway }) => {
  const headers = { 'x-amz-copy-source': 'images.master/key' }
  const copy = await fetch(`${gateway.endpoint}/images/copy`, { method: 'PUT', headers })
  assert.match(message(await copy.text()), 'The bucket "master.images" exists')
})

missing('a new bucket is refused if one with repo and branch swapped exists', async ({ gateway, pfs }) => {
  const { status, code, text } = await ask(gateway.port, 'PUT', '/images.master')
  assert.equal([status, code], [400, 'InvalidBucketName'])
  assert.match(message(text), 'The bucket "master.images" exists.')
  await createRepoAndBranch(pfs, branchOf('images', 'master'))
  assert.is((await ask(gateway.port, 'PUT', '/images.master')).status, 200)
  assert.is((await ask(gateway.port, 'PUT', '/twin.twin')).status, 200)
})

missing('a swapped bucket that the caller may not read is not mentioned', async () => {
  const pfs = createMemoryPfs({ rootToken: 'root', repos: { secret: { master: {} } } })
  const authToken = await pfs.getRobotToken({ robot: 'stranger' }, { authToken: 'root' })
  const gateway = await startGateway({ pfs, authConfig: { mode: 'none', authToken } })
  const refused = await ask(gateway.port, 'GET', '/secret.master')
  assert.is(refused.code, 'NoSuchBucket')
  assert.not.match(message(refused.text), 'exists')
  assert.is((await ask(gateway.port, 'PUT', '/secret.master')).status, 200)
  await gateway.close()
})

missing.run()
