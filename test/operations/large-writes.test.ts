import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'

const branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' } as const
const large = Buffer.alloc(3_000_000, 'large')
const etag = `"${createHash('md5').update(large).digest('hex')}"`

interface Context {
  pfs: PachydermApi
  gateway: Gateway
  /** `before` is called before each look-up of a file by commit id after a commit, which waits until PFS has finished that. */
  lookups: { before: () => Promise<void>; areAfterCommit: boolean }
  errors: unknown[]
}

const writes = suite<Context>('writes of a content whose hash PFS computes')

writes.before.each(async (context) => {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, branch)
  const lookups = { before: async () => undefined, areAfterCommit: false }
  const errors: unknown[] = []
  const held: PachydermApi = {
    ...pfs,
    async modifyFile(commit, operations, options) {
      await pfs.modifyFile(commit, operations, options)
      lookups.areAfterCommit ||= commit.repo.type === 'user'
    },
    async *globFile(request, options) {
      const { repo, id } = request.commit
      if (lookups.areAfterCommit && repo.type === 'user' && id !== undefined) await lookups.before()
      yield* pfs.globFile(request, options)
    },
  }
  const gateway = await startGateway({ pfs: held, options: { onError: (error) => void errors.push(error) } })
  Object.assign(context, { pfs, lookups, errors, gateway })
})

writes.after.each(({ gateway }) => gateway.close())

writes('are answered before PFS has finished the commit, and readers see the record', async (context) => {
  const { pfs, gateway, lookups } = context
  const small = { path: '/small', raw: Buffer.from('small') }
  await pfs.modifyFile({ repo: branch.repo, branch: branch.name }, [{ addFile: small }])
  const finished = deferred()
  lookups.before = () => finished.promise
  const put = await ask(gateway.port, 'PUT', '/data/large', large)
  assert.equal([put.status, put.headers.etag], [200, etag])
  const head = ask(gateway.port, 'HEAD', '/data/large')
  // Later requests are answered first.
  for (let index = 0; index < 3; index += 1) await ask(gateway.port, 'HEAD', '/data/small')
  const page = ask(gateway.port, 'GET', '/data?list-type=2')
  finished.resolve()
  assert.equal((await head).headers.etag, etag)
  assert.is((await head).headers['x-amz-version-id'], put.headers['x-amz-version-id'])
  assert.match((await page).body.toString(), etag.slice(1, -1))
  await gateway.flush()
  const other = await startGateway({ pfs })
  assert.is((await ask(other.port, 'HEAD', '/data/large')).headers.etag, etag)
  await other.close()
})

writes('a flush waits for PFS', async ({ pfs, gateway, lookups }) => {
  const finished = deferred()
  lookups.before = () => finished.promise
  assert.is((await ask(gateway.port, 'PUT', '/data/large', large)).status, 200)
  const flushed = gateway.flush()
  finished.resolve()
  await flushed
  const other = await startGateway({ pfs })
  assert.is((await ask(other.port, 'HEAD', '/data/large')).headers.etag, etag)
  await other.close()
})

writes('are served without a record, and reported, if PFS does not return the hash', async (context) => {
  const { gateway, lookups, errors } = context
  lookups.before = () => Promise.reject(new Error('not now'))
  assert.is((await ask(gateway.port, 'PUT', '/data/large', large)).headers.etag, etag)
  const { status, headers } = await ask(gateway.port, 'HEAD', '/data/large')
  assert.is(status, 200)
  assert.match(String(headers.etag), /^"[0-9a-f]{64}-1"$/)
  assert.match(String(errors[0]), 'the record of default/data/large is lost')
})

writes('do not replace the record of a later copy of the same bytes', async ({ gateway, pfs, lookups }) => {
  const [asked, finished] = [deferred(), deferred()]
  await ask(gateway.port, 'PUT', '/data/source', large, { 'x-amz-meta-a': 'b' })
  lookups.areAfterCommit = false
  lookups.before = async () => {
    lookups.before = async () => undefined
    asked.resolve()
    await finished.promise
  }
  assert.is((await ask(gateway.port, 'PUT', '/data/large', large)).status, 200)
  await asked.promise
  const copied = ask(gateway.port, 'PUT', '/data/large', '', { 'x-amz-copy-source': '/data/source' })
  await Promise.race([copied, setTimeout(200)])
  finished.resolve()
  assert.is((await copied).status, 200)
  assert.is((await ask(gateway.port, 'HEAD', '/data/large')).headers['x-amz-meta-a'], 'b')
  await gateway.flush()
  const other = await startGateway({ pfs })
  assert.is((await ask(other.port, 'HEAD', '/data/large')).headers['x-amz-meta-a'], 'b')
  await other.close()
})

writes('with metadata are answered with their record', async ({ gateway, pfs }) => {
  const put = await ask(gateway.port, 'PUT', '/data/large', large, { 'x-amz-meta-a': 'b' })
  assert.is(put.headers.etag, etag)
  const other = await startGateway({ pfs })
  assert.is((await ask(other.port, 'HEAD', '/data/large')).headers['x-amz-meta-a'], 'b')
  await other.close()
})

writes.run()
