import { createHash } from 'node:crypto'
import { Header } from 'tar'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PachydermApi } from '../../lib/testing/index.js'
import { branch, bucket } from '../faults/support/branch.js'
import { ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'

/** Files of uploads planted by a user with the right to write the repo. README.md, Integrity: class 43. */
const test = suite<{ gateway: Gateway }>('hostile uploads')

const staging = { repo: { ...branch.repo, type: 'meta' as const }, name: 's3-uploads' }
const object = `/${bucket}/object`
const hexKey = Buffer.from('object').toString('hex')

test.before(async (context) => {
  context.gateway = await startGateway({})
  await createRepoAndBranch(context.gateway.pfs, branch)
})

test.after(({ gateway }) => gateway.close())

interface Begun {
  readonly id: string
  readonly parts: string
}

/** Starts an upload with one part. */
async function begin(port: number): Promise<Begun> {
  const { body } = await ask(port, 'POST', `${object}?uploads`, undefined, { 'x-amz-meta-a': 'b' })
  const [, id = ''] = /<UploadId>([^<]*)</.exec(String(body)) ?? []
  const { headers } = await ask(port, 'PUT', `${object}?partNumber=1&uploadId=${id}`, Buffer.from('part'))
  const part = `<Part><PartNumber>1</PartNumber><ETag>${headers.etag}</ETag></Part>`
  return { id, parts: `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>` }
}

async function outcomeOf(port: number, { id, parts }: Begun): Promise<string> {
  const { status, body } = await ask(port, 'POST', `${object}?uploadId=${id}`, Buffer.from(parts))
  const [, code = ''] = /<Code>([^<]*)</.exec(String(body)) ?? []
  return `${status} ${code}`.trimEnd()
}

async function plant(pfs: PachydermApi, path: string, text: string): Promise<void> {
  await pfs.modifyFile({ repo: staging.repo, branch: staging.name }, [
    { deleteFile: { path } },
    { addFile: { path, raw: Buffer.from(text) } },
  ])
  await pfs.inspectCommit({ commit: { repo: staging.repo, branch: staging.name }, wait: 'FINISHED' })
}

for (const text of [
  'not JSON',
  '[]',
  '5',
  'null',
  '{"head":5}',
  '{"head":"../x"}',
  '{"attributes":5}',
  '{"attributes":{"headers":5}}',
  '{"attributes":{"headers":{"cache-control":"a\\r\\nset-cookie: b"},"metadata":{},"tags":[]}}',
  '{"attributes":{"headers":{},"metadata":{"a b":"c"},"tags":[]}}',
  `{"attributes":{"headers":{},"metadata":{"a":"${'b'.repeat(65_536)}"},"tags":[]}}`,
  '{"attributes":{"headers":{},"metadata":{},"tags":[["a"]]}}',
  `{"attributes":${'['.repeat(500_000)}`,
]) {
  test(`43: an upload whose file holds ${text.slice(0, 90)} is missing`, async ({ gateway: { pfs, port } }) => {
    const upload = await begin(port)
    await plant(pfs, `/uploads/${branch.name}/${hexKey}.${upload.id}`, text)
    assert.is(await outcomeOf(port, upload), '404 NoSuchUpload')
  })
}

test('43: attributes that no upload has are not taken over', async ({ gateway: { pfs, port } }) => {
  const upload = await begin(port)
  const hidden = { commitId: 'a'.repeat(32), branch: branch.name }
  const attributes = { headers: {}, metadata: { c: 'd' }, tags: [], versions: 5, etag: '\r\n', hidden }
  await plant(pfs, `/uploads/${branch.name}/${hexKey}.${upload.id}`, JSON.stringify({ attributes }))
  assert.is(await outcomeOf(port, upload), '200')
  const { status, headers } = await ask(port, 'GET', object)
  assert.equal([status, headers['x-amz-meta-c']], [200, 'd'])
})

test('43: a planted response to a completed upload is ignored', async ({ gateway: { pfs, port } }) => {
  const upload = await begin(port)
  assert.is(await outcomeOf(port, upload), '200')
  assert.is(await outcomeOf(port, upload), '200')
  const path = `/completed/${branch.name}/${hexKey}.${upload.id}`
  const pieces: Uint8Array[] = []
  const commit = { repo: staging.repo, branch: staging.name }
  for await (const piece of pfs.getFile({ file: { commit, path } })) pieces.push(piece)
  const completion = JSON.parse(Buffer.concat(pieces).toString())
  for (const text of [
    '{',
    '[]',
    ...[{ etag: 'a\r\nset-cookie: b' }, { versionId: 'a\r\nset-cookie: b' }, { versionId: 5 }, { checksum: 5 }].map(
      (lie) => JSON.stringify({ ...completion, ...lie }),
    ),
  ]) {
    await plant(pfs, path, text)
    assert.is(await outcomeOf(port, upload), '404 NoSuchUpload', text)
  }
})

test('43: files that are no parts are not listed', async ({ gateway: { pfs, port } }) => {
  const upload = await begin(port)
  for (const name of ['x', '1', '00000', '10001', '0001x', '00002/00003']) {
    await plant(pfs, `/parts/${upload.id}/${name}`, 'planted')
  }
  const { status, body } = await ask(port, 'GET', `${object}?uploadId=${upload.id}`)
  const numbers = [...String(body).matchAll(/<PartNumber>([^<]*)</g)].map(([, number]) => number)
  assert.equal([status, numbers], [200, ['1']])
  assert.is(await outcomeOf(port, upload), '200')
})

for (const digests of ['', 'abc', 'a'.repeat(16), 'a'.repeat(19), 'a'.repeat(21)]) {
  test(`43: a part with ${digests.length} bytes of digests cannot be completed`, async ({ gateway: { pfs, port } }) => {
    const { body } = await ask(port, 'POST', `${object}?uploads`, undefined, {
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'FULL_OBJECT',
    })
    const [, id = ''] = /<UploadId>([^<]*)</.exec(String(body)) ?? []
    await ask(port, 'PUT', `${object}?partNumber=1&uploadId=${id}`, Buffer.from('part'))
    await plant(pfs, `/checksums/${id}/00001`, digests)
    const list = await ask(port, 'GET', `${object}?uploadId=${id}`)
    assert.is(list.status, 200)
    const [, etag] = /<ETag>([^<]*)</.exec(String(list.body)) ?? []
    const parts = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`
    const completion = `<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`
    assert.is(await outcomeOf(port, { id, parts: completion }), '400 InvalidPart')
  })
}

test('43: an upload to another repo with the id and the digests of an upload gets none of its parts', async ({
  gateway: { pfs, port },
}) => {
  const contents = [Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.from('secret')]
  const { body } = await ask(port, 'POST', `${object}?uploads`)
  const [, id = ''] = /<UploadId>([^<]*)</.exec(String(body)) ?? []
  const md5s = contents.map((content) => createHash('md5').update(content).digest())
  for (const [index, content] of contents.entries())
    await ask(port, 'PUT', `${object}?partNumber=${index + 1}&uploadId=${id}`, content)
  const other = { repo: { ...branch.repo, name: 'planted' }, name: branch.name }
  await createRepoAndBranch(pfs, other)
  const planted = { repo: { ...other.repo, type: 'meta' as const }, name: staging.name }
  await createRepoAndBranch(pfs, planted)
  await pfs.modifyFile({ repo: planted.repo, branch: planted.name }, [
    { addFile: { path: `/uploads/${other.name}/${hexKey}.${id}`, raw: Buffer.alloc(0) } },
    ...md5s.map((raw, index) => ({ addFile: { path: `/checksums/${id}/0000${index + 1}`, raw } })),
    { addFile: { path: `/parts/${id}/00001`, raw: Buffer.alloc(5 * 1024 * 1024, 'b') } },
    { addFile: { path: `/parts/${id}/00002`, raw: Buffer.from('planted') } },
  ])
  const parts = md5s.map(
    (md5, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${md5.toString('hex')}</ETag></Part>`,
  )
  const completion = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
  const target = `/${other.name}.${other.repo.name}/object`
  const completed = await ask(port, 'POST', `${target}?uploadId=${id}`, Buffer.from(completion))
  assert.is(completed.status, 200, completed.text)
  const read = await ask(port, 'GET', target)
  assert.is(read.text.replace(/^[ab]+/, ''), 'planted')
})

/** 100 MB in pieces of 1 MB, and the number of bytes that were taken. */
function createLargeFile() {
  const zeros = Buffer.alloc(1_000_000)
  const large = { taken: 0, most: 0, read }
  async function* read(): AsyncGenerator<Uint8Array> {
    const before = process.memoryUsage().arrayBuffers
    for (let count = 0; count < 100; count++) {
      large.taken += zeros.length
      yield zeros
      large.most = Math.max(large.most, process.memoryUsage().arrayBuffers - before)
    }
  }
  return large
}

for (const directory of ['uploads', 'completed']) {
  test(`43: a file of 100 MB in /${directory} is not read to its end`, async ({ gateway: { pfs, port } }) => {
    const upload = await begin(port)
    if (directory === 'completed') assert.is(await outcomeOf(port, upload), '200')
    const large = createLargeFile()
    const planted: PachydermApi = {
      ...pfs,
      getFile: (request, options) =>
        request.file.path.startsWith(`/${directory}/`) ? large.read() : pfs.getFile(request, options),
    }
    const fresh = await startGateway({ pfs: planted })
    assert.is(await outcomeOf(fresh.port, upload), '404 NoSuchUpload')
    await fresh.close()
    assert.ok(large.taken > 0 && large.taken < 5_000_000, `${large.taken} bytes`)
  })
}

test('43: digests of 100 MB are not kept in memory', async ({ gateway: { pfs, port } }) => {
  const upload = await begin(port)
  const large = createLargeFile()
  async function* behind(path: string, archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const header = new Header({ path, size: 100_000_000, type: 'File', mode: 0o644 })
    header.encode()
    if (header.block === undefined) throw new Error('a header has a block')
    yield header.block
    yield* large.read()
    // Up to the next block.
    yield Buffer.alloc(256)
    yield* archive
  }
  const path = `/checksums/${upload.id}/00001`
  const planted: PachydermApi = {
    ...pfs,
    getFileTar: (request, options) => behind(path, pfs.getFileTar(request, options)),
  }
  const fresh = await startGateway({ pfs: planted })
  assert.is((await ask(fresh.port, 'GET', `${object}?uploadId=${upload.id}`)).status, 200)
  await fresh.close()
  assert.is(large.taken, 100_000_000)
  assert.ok(large.most < 32_000_000, `${large.most} bytes`)
})

test.run()
