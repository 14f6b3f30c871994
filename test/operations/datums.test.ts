import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Branch, FileOperation } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { stage } from '../support/test-pfs.js'

/*
 * A pipeline writes each file by a datum, whose name pachd keeps beside the path, and pachd deletes only the file of the
 * datum that it is given. A branch at such a commit is a bucket as any other.
 */
interface Context {
  readonly gateway: Gateway
}

const datums = suite<Context>('files of other datums')

datums.before(async (context) => {
  Object.assign(context, { gateway: await startGateway() })
})

datums.after(({ gateway }) => gateway.close())

const keys = ['a', 'd/1', 'd/2', 'd/3', 'z']

const add = (path: string, text: string, datum?: string): FileOperation => ({
  addFile: { path, raw: Buffer.from(text), ...(datum !== undefined && { datum }) },
})

/** A branch at a commit that pipelines could have made: each of `keys` has its own datum, and `d/own` has none. */
async function branchOfDatums(pfs: PachydermApi, name: string): Promise<Branch> {
  const repo = { project: 'default', name, type: 'user' } as const
  await createRepoAndBranch(pfs, { repo, name: 'output' })
  const files = keys.map((key, index) => add(`/${key}`, 'old', `datum-${index}`))
  await pfs.modifyFile({ repo, branch: 'output' }, [...files, add('/d/own', 'old')])
  // A commit on an unfinished one cannot be read.
  await pfs.inspectCommit({ commit: { repo, branch: 'output' }, wait: 'FINISHED' })
  const branch = { repo, name: 'master' }
  await pfs.createBranch({ branch, head: { repo, branch: 'output' } })
  return branch
}

/** Sends a request to a bucket. */
const sender =
  ({ endpoint }: Gateway, bucket: string) =>
  (method: string, target: string, init: RequestInit = {}) =>
    fetch(`${endpoint}/${bucket}/${target}`, { method, ...init })

async function textOf(response: Response): Promise<string> {
  const text = await response.text()
  assert.ok(response.ok, `${response.status} ${text}`)
  return text
}

async function keysOf(gateway: Gateway, bucket: string): Promise<readonly (string | undefined)[]> {
  const text = await textOf(await fetch(`${gateway.endpoint}/${bucket}?list-type=2`))
  return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key)
}

const deletionOf = (names: readonly string[]): RequestInit => ({
  body: `<Delete>${names.map((name) => `<Object><Key>${name}</Key></Object>`).join('')}</Delete>`,
})

datums('PUT replaces them, and later writes keep that', async ({ gateway }) => {
  await branchOfDatums(gateway.pfs, 'put')
  const send = sender(gateway, 'put')
  await textOf(await send('PUT', 'd/1', { body: 'new' }))
  assert.is(await textOf(await send('GET', 'd/1')), 'new')
  await textOf(await send('PUT', 'other', { body: 'other' }))
  await textOf(await send('PUT', 'a', { body: 'conditional', headers: { 'if-match': '*' } }))
  assert.is(await textOf(await send('GET', 'd/1')), 'new')
  assert.is(await textOf(await send('GET', 'a')), 'conditional')
  assert.equal(await keysOf(gateway, 'put'), ['a', 'd/1', 'd/2', 'd/3', 'd/own', 'other', 'z'])
})

datums('DELETE removes them', async ({ gateway }) => {
  await branchOfDatums(gateway.pfs, 'delete')
  const send = sender(gateway, 'delete')
  assert.is((await send('DELETE', 'd/1')).status, 204)
  assert.is((await send('GET', 'd/1')).status, 404)
  const { headers } = await send('HEAD', 'd/2')
  assert.is((await send('DELETE', 'd/2', { headers: { 'if-match': headers.get('etag') ?? '' } })).status, 204)
  assert.equal(await keysOf(gateway, 'delete'), ['a', 'd/3', 'd/own', 'z'])
})

datums('DeleteObjects deletes them, beside other and missing files', async ({ gateway }) => {
  await branchOfDatums(gateway.pfs, 'delete-objects')
  const send = sender(gateway, 'delete-objects')
  const answer = await textOf(await send('POST', '?delete', deletionOf(['z', 'd/own', 'd/1', 'd', 'missing', 'd/2'])))
  assert.is(answer.includes('<Error>'), false, answer)
  assert.equal(await keysOf(gateway, 'delete-objects'), ['a', 'd/3'])
})

datums('a copy replaces them, even if the source is such a file', async ({ gateway }) => {
  await branchOfDatums(gateway.pfs, 'copy')
  const send = sender(gateway, 'copy')
  await textOf(await send('PUT', 'a', { body: 'new' }))
  await textOf(await send('PUT', 'd/1', { headers: { 'x-amz-copy-source': '/copy/a' } }))
  await textOf(await send('PUT', 'd/2', { headers: { 'x-amz-copy-source': '/copy/z' } }))
  await textOf(await send('PUT', 'd/2', { headers: { 'x-amz-copy-source': '/copy/d/1' } }))
  assert.is(await textOf(await send('GET', 'd/1')), 'new')
  assert.is(await textOf(await send('GET', 'd/2')), 'new')
  assert.is(await textOf(await send('GET', 'z')), 'old')
})

datums('a completed upload replaces them', async ({ gateway }) => {
  await branchOfDatums(gateway.pfs, 'complete')
  const send = sender(gateway, 'complete')
  const created = await textOf(await send('POST', 'd/1?uploads'))
  const id = /<UploadId>([^<]*)</.exec(created)?.[1]
  const { headers } = await send('PUT', `d/1?partNumber=1&uploadId=${id}`, { body: 'new' })
  const part = `<Part><PartNumber>1</PartNumber><ETag>${headers.get('etag')}</ETag></Part>`
  const body = `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`
  await textOf(await send('POST', `d/1?uploadId=${id}`, { body }))
  assert.is(await textOf(await send('GET', 'd/1')), 'new')
})

datums('in an open commit they are replaced and deleted, too', async ({ gateway }) => {
  const branch = await branchOfDatums(gateway.pfs, 'open')
  const send = sender(gateway, 'open')
  const commit = await gateway.pfs.startCommit({ branch })
  await gateway.pfs.modifyFile(commit, [add('/n', 'old', 'another')])
  await textOf(await send('PUT', 'd/1', { body: 'new' }))
  assert.is((await send('DELETE', 'd/2')).status, 204)
  assert.is((await send('DELETE', 'n')).status, 204)
  await gateway.pfs.finishCommit({ commit })
  assert.is(await textOf(await send('GET', 'd/1')), 'new')
  assert.equal(await keysOf(gateway, 'open'), ['a', 'd/1', 'd/3', 'd/own', 'z'])
})

datums('a path that two datums have written fails only its own deletion', async ({ gateway }) => {
  const branch = await branchOfDatums(gateway.pfs, 'two')
  const send = sender(gateway, 'two')
  const commit = await gateway.pfs.startCommit({ branch })
  await gateway.pfs.modifyFile(commit, [add('/d/1', 'second', 'another')])
  const answer = await textOf(await send('POST', '?delete', deletionOf(['a', 'd/1', 'd/2'])))
  assert.match(answer, /<Error><Key>d\/1<\/Key><Code>InvalidBucketState</)
  await gateway.pfs.modifyFile(commit, [{ deleteFile: { path: '/d/1', datum: 'another' } }])
  await gateway.pfs.finishCommit({ commit })
  assert.equal(await keysOf(gateway, 'two'), ['d/1', 'd/3', 'd/own', 'z'])
})

datums('a thousand keys are looked up in few calls, or one by one if those fail', async ({ gateway }) => {
  const names = Array.from({ length: 1000 }, (_, index) => `k/${String(index).padStart(4, '0')}`)
  const repo = { project: 'default', name: 'thousand', type: 'user' } as const
  await createRepoAndBranch(gateway.pfs, { repo, name: 'master' })
  let calls = 0
  let hangs = false
  const counted = await startGateway({
    pfs: {
      ...gateway.pfs,
      async *globFile(request, options) {
        calls += 1
        const { lower = '', upper } = request.pathRange ?? {}
        if (hangs && upper?.startsWith(lower) === false) {
          await new Promise((resolve) => options?.signal?.addEventListener('abort', resolve))
          options?.signal?.throwIfAborted()
        }
        yield* gateway.pfs.globFile(request, options)
      },
    },
  })
  try {
    for (hangs of [false, true]) {
      calls = 0
      const written = hangs ? names.slice(0, 20) : names
      await gateway.pfs.modifyFile(
        { repo, branch: 'master' },
        written.map((name, index) => add(`/${name}`, 'old', `${index % 7}`)),
      )
      await textOf(await sender(counted, 'thousand')('POST', '?delete', deletionOf(written)))
      // A busy pachd may not answer within the time limit of a look-up.
      if (stage === 'memory') assert.is(calls, hangs ? 21 : 2)
      assert.equal(await keysOf(gateway, 'thousand'), [])
    }
  } finally {
    await counted.close()
  }
})

datums.run()
