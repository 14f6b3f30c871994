import { Header } from 'tar'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { recordPath } from '../../lib/records/record-path.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { branch, bucket } from '../faults/support/branch.js'
import { type Answer, ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'

/** Records planted by a user with the right to write the repo. README.md, Integrity: class 43. */
const test = suite<{ gateway: Gateway }>('hostile records')

const recordsBranch = { repo: { ...branch.repo, type: 'meta' as const }, name: 's3-records' }
const options = { objectRecords: 'all' } as const
const content = Buffer.alloc(5000, 'a')

test.before(async (context) => {
  context.gateway = await startGateway({ options })
  await createRepoAndBranch(context.gateway.pfs, branch)
})

test.after(({ gateway }) => gateway.close())

/** Puts a file beside an object, where its record belongs. */
async function plant(pfs: PachydermApi, path: string, raw: Uint8Array): Promise<void> {
  const info = await pfs.inspectFile({ commit: { repo: branch.repo, branch: branch.name }, path })
  const recorded = recordPath(path, Buffer.from(info.hash).toString('hex'))
  await pfs.modifyFile({ repo: recordsBranch.repo, branch: recordsBranch.name }, [
    { deleteFile: { path: recorded } },
    { addFile: { path: recorded, raw } },
  ])
  await pfs.inspectCommit({ commit: { repo: recordsBranch.repo, branch: recordsBranch.name }, wait: 'FINISHED' })
}

/** Stores an object with a record, puts another record in its place, and asks a gateway that knows neither. */
async function withPlanted(
  { pfs, port, flush }: Gateway,
  raw: string | Uint8Array,
  read: (ask: (method: string, query?: string) => Promise<Answer>) => Promise<void>,
): Promise<readonly string[]> {
  const path = `/${bucket}/object`
  assert.is((await ask(port, 'PUT', path, content, { 'x-amz-meta-a': 'b' })).status, 200)
  await flush()
  await plant(pfs, '/object', Buffer.from(raw))
  const errors: string[] = []
  const fresh = await startGateway({ pfs, options: { ...options, onError: (error) => errors.push(String(error)) } })
  try {
    await read((method, query = '') => ask(fresh.port, method, `${path}${query}`))
  } finally {
    await fresh.close()
  }
  return errors
}

const record = (fields: object): string => JSON.stringify({ format: 1, key: 'object', ...fields })
const part = { number: 1, size: 5000 }

for (const [lie, raw] of [
  ['a name of metadata that is no header name', record({ metadata: { 'a b': 'c' } })],
  ['a name of metadata that ends its line', record({ metadata: { 'a:\r\nset-cookie': 'c' } })],
  ['an empty name of metadata', record({ metadata: { '': 'c' } })],
  ['a header that HTTP cannot hold', record({ headers: { 'content-disposition': 'attachment; filename=Ā' } })],
  ['a header that ends its line', record({ headers: { 'cache-control': 'a\r\nset-cookie: b' } })],
  ['64 KiB of a header', record({ headers: { 'cache-control': 'a'.repeat(65_536) } })],
  ['64 KiB of metadata', record({ metadata: { a: 'b'.repeat(65_536) } })],
  ['more tags than ten', record({ tags: Array.from({ length: 11 }, (_, index) => [`${index}`, '']) })],
  ['a tag of 64 KiB', record({ tags: [['a', 'b'.repeat(65_536)]] })],
  [
    'a checksum of an unknown algorithm',
    record({ checksum: { algorithm: 'rot13', type: 'COMPOSITE', value: 'AA==' } }),
  ],
  [
    'parts out of order',
    record({
      parts: [
        { number: 2, size: 2500 },
        { number: 1, size: 2500 },
      ],
    }),
  ],
  ['lists a million deep', '['.repeat(1_000_000)],
  ['a metadata value a million deep', `{"format":1,"metadata":{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}}`],
  ['10 MB', record({ note: 'a'.repeat(10_000_000) })],
  ['no text', Buffer.alloc(1000, 0xff)],
] as const) {
  test(`43: a record with ${lie} is skipped, and reported to the operator`, async ({ gateway }) => {
    const errors = await withPlanted(gateway, raw, async (asked) => {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, isWhole, body } = await asked(method)
        assert.equal([status, isWhole, headers['content-length']], [200, true, '5000'], method)
        assert.equal(body, method === 'GET' ? content : Buffer.alloc(0))
        assert.match(String(headers.etag), /^"[0-9a-f]{64}-1"$/)
        for (const name of ['set-cookie', 'cache-control', 'content-disposition', 'x-amz-tagging-count'])
          assert.is(headers[name], undefined, name)
      }
      const part = await asked('GET', '?partNumber=1')
      assert.equal([part.status, part.isWhole, part.body], [206, true, content])
      assert.match((await asked('GET', '?tagging')).body.toString(), '<TagSet></TagSet>')
    })
    assert.ok(errors.length > 0)
    assert.ok(
      errors.every((error) => /record .* cannot be read/.test(error)),
      errors.join(),
    )
  })
}

for (const [lie, parts] of [
  ['longer', [part, { number: 2, size: 1 }]],
  ['shorter', [{ number: 1, size: 10 }]],
] as const) {
  test(`43: parts that are ${lie} than the object are ignored`, async ({ gateway }) => {
    await withPlanted(gateway, record({ parts }), async (asked) => {
      for (const query of ['', '?partNumber=1']) {
        const { headers, isWhole, body } = await asked('GET', query)
        assert.equal([isWhole, headers['content-length'], body], [true, '5000', content])
      }
      assert.is((await asked('GET', '?partNumber=2')).status, 416)
    })
  })
}

test('20: a planted content type that browsers execute is sandboxed', async ({ gateway }) => {
  await withPlanted(gateway, record({ headers: { 'content-type': 'text/html' } }), async (asked) => {
    const { headers } = await asked('GET')
    assert.is(headers['content-type'], 'text/html')
    assert.match(String(headers['content-security-policy']), 'sandbox')
  })
})

/** The beginning of an archive that has a file of 100 MB before the files of another. */
async function* behindLargeFile(path: string, archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const header = new Header({ path, size: 100_000_000, type: 'File', mode: 0o644 })
  header.encode()
  if (header.block === undefined) throw new Error('a header has a block')
  yield header.block
  const zeros = Buffer.alloc(1_000_000)
  for (let count = 0; count < 100; count++) yield zeros
  // Up to the next block.
  yield zeros.subarray(0, 256)
  yield* archive
}

for (const [name, path] of [
  ['a file that is no record', '/objects/fbeside/0'],
  ['a record', `/objects/fbeside/${'0'.repeat(64)}`],
] as const) {
  test(`43: ${name} of 100 MB is not kept in memory`, async ({ gateway: { pfs, port } }) => {
    const object = `/${bucket}/beside`
    assert.is((await ask(port, 'PUT', object, content, { 'x-amz-meta-a': 'b' })).status, 200)
    let before = 0
    let most = 0
    async function* measured(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      before = process.memoryUsage().arrayBuffers
      for await (const piece of archive) {
        yield piece
        most = Math.max(most, process.memoryUsage().arrayBuffers)
      }
    }
    const planted: PachydermApi = {
      ...pfs,
      getFileTar: (request, callOptions) => measured(behindLargeFile(path, pfs.getFileTar(request, callOptions))),
    }
    const fresh = await startGateway({ pfs: planted, options })
    const { status, headers } = await ask(fresh.port, 'GET', object)
    await fresh.close()
    assert.equal([status, headers['x-amz-meta-a']], [200, 'b'])
    assert.ok(most > 0)
    assert.ok(most - before < 32_000_000, `${most - before} bytes`)
  })
}

test('43: a read of records ends at 64 MiB, whatever else is planted beside an object', async ({
  gateway: { pfs, port },
}) => {
  const object = `/${bucket}/crowded`
  assert.is((await ask(port, 'PUT', object, content, { 'x-amz-meta-a': 'b' })).status, 200)
  const checksum = 'A'.repeat(150)
  const parts = Array.from({ length: 10_000 }, (_, index) => ({ number: index + 1, size: 1, checksum }))
  const raw = Buffer.from(record({ parts }))
  assert.ok(raw.length > 1_800_000 && raw.length < 2 * 1024 * 1024)
  const operations = Array.from({ length: 60 }, (_, index) => {
    const path = recordPath('/crowded', index.toString(16).padStart(64, '0'))
    return { addFile: { path, raw } }
  })
  await pfs.modifyFile({ repo: recordsBranch.repo, branch: recordsBranch.name }, operations)
  let received = 0
  async function* counted(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of archive) {
      received += piece.length
      yield piece
    }
  }
  const errors: string[] = []
  const fresh = await startGateway({
    pfs: { ...pfs, getFileTar: (request, callOptions) => counted(pfs.getFileTar(request, callOptions)) },
    options: { ...options, onError: (error) => errors.push(String(error)) },
  })
  assert.is((await ask(fresh.port, 'GET', object)).status, 200)
  await fresh.close()
  // It is read twice: the records may have been written after the first read.
  assert.ok(received > 100_000_000 && received < 160_000_000, `${received} bytes`)
  assert.is(errors.length, 2, errors.join())
})

test('43: hidden versions that are planted by the thousand count as memory of the request', async ({
  gateway: { pfs },
}) => {
  const commitId = 'a'.repeat(32)
  const operations = Array.from({ length: 5000 }, (_, index) => ({
    addFile: { path: `/hidden/${branch.name}/f${index}/${commitId}`, raw: new Uint8Array() },
  }))
  await pfs.modifyFile({ repo: recordsBranch.repo, branch: recordsBranch.name }, operations)
  for (const [maxBufferedBytes, status] of [
    [1024 * 1024, 503],
    [16 * 1024 * 1024, 200],
  ] as const) {
    const fresh = await startGateway({ pfs, options: { ...options, maxBufferedBytes } })
    assert.is((await ask(fresh.port, 'GET', `/${bucket}?versions`)).status, status)
    await fresh.close()
  }
})

test('43: hidden versions that name each other in a circle end reads and deletions', async ({ gateway }) => {
  const { pfs, port, flush } = gateway
  const versionOf = async (method: string, key: string): Promise<string> => {
    const { headers } = await ask(port, method, `/${bucket}/${key}`, method === 'PUT' ? content : undefined)
    return String(headers['x-amz-version-id'])
  }
  const written = await versionOf('PUT', 'circle')
  const { hash } = await pfs.inspectFile({ commit: { repo: branch.repo, branch: branch.name }, path: '/circle' })
  const removed = await versionOf('DELETE', 'circle')
  const later = await versionOf('PUT', 'other')
  await flush()
  const contents = new Map([[written, Buffer.from(hash).toString('hex')]])
  for (const [first, second] of [
    [written, written],
    [written, later],
    [removed, removed],
    [removed, later],
  ] as const) {
    const hidden = [
      { commitId: first, asOf: second, content: contents.get(first) },
      { commitId: second, asOf: first, content: contents.get(first) },
    ]
    await pfs.modifyFile(
      { repo: recordsBranch.repo, branch: recordsBranch.name },
      hidden.flatMap((each) => {
        const path = recordPath('/circle', `hidden-${each.commitId}-${branch.name}`)
        const raw = Buffer.from(record({ hidden: { ...each, branch: branch.name } }))
        return [{ deleteFile: { path } }, { addFile: { path, raw } }]
      }),
    )
    const fresh = await startGateway({ pfs, options })
    const object = `/${bucket}/circle`
    const outcomes: number[] = []
    for (const [method, query] of [
      ['GET', ''],
      ['GET', `?versionId=${first}`],
      ['GET', `?versionId=${later}`],
      ['DELETE', `?versionId=${first}`],
    ] as const) {
      outcomes.push((await ask(fresh.port, method, object + query)).status)
    }
    await fresh.close()
    assert.equal(outcomes, [404, 404, 404, 204])
  }
})

test('43: a long chain of hidden versions costs a read or a deletion few calls', async ({ gateway }) => {
  const { pfs, port, flush } = gateway
  const object = `/${bucket}/chain`
  const versions: string[] = []
  for (let index = 0; index < 20; index += 1) {
    const [method, body] = index % 2 === 0 ? (['PUT', content] as const) : (['DELETE'] as const)
    const { status, headers } = await ask(port, method, object, body)
    assert.ok(status < 300)
    versions.unshift(String(headers['x-amz-version-id']))
  }
  await flush()
  const operations = versions.slice(0, -1).map((commitId, index) => {
    const hidden = { commitId, branch: branch.name, asOf: versions[index + 1] }
    const path = recordPath('/chain', `hidden-${commitId}-${branch.name}`)
    return { addFile: { path, raw: Buffer.from(record({ hidden })) } }
  })
  await pfs.modifyFile({ repo: recordsBranch.repo, branch: recordsBranch.name }, operations)
  let calls = 0
  const counted = new Proxy(pfs, {
    get(target, name) {
      calls += 1
      return Reflect.get(target, name)
    },
  })
  for (const [method, query, status] of [
    ['GET', '', 404],
    ['GET', `?versionId=${versions[0]}`, 404],
    ['DELETE', `?versionId=${versions[0]}`, 204],
  ] as const) {
    const fresh = await startGateway({ pfs: counted, options })
    calls = 0
    assert.is((await ask(fresh.port, method, object + query)).status, status)
    await fresh.close()
    assert.ok(calls <= 40, `${calls} calls for ${method} ${query}`)
  }
})

test('38: a client that leaves does not fail a concurrent read of the same records', async ({
  gateway: { pfs, port },
}) => {
  assert.is((await ask(port, 'PUT', `/${bucket}/shared`, content, { 'x-amz-meta-a': 'b' })).status, 200)
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let asked = (): void => {}
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  const slow: PachydermApi = {
    ...pfs,
    async inspectCommit(request, callOptions) {
      const { repo, branch: name } = request.commit
      if (repo.type === 'meta' && name === recordsBranch.name) {
        asked()
        await Promise.race([
          released,
          new Promise((_, reject) => callOptions?.signal?.addEventListener('abort', () => reject(new Error('left')))),
        ])
      }
      return pfs.inspectCommit(request, callOptions)
    },
  }
  const fresh = await startGateway({ pfs: slow, options })
  const leaving = new AbortController()
  const url = `${fresh.endpoint}/${bucket}/shared`
  const first = fetch(url, { signal: leaving.signal }).catch(() => undefined)
  await isAsked
  const second = ask(fresh.port, 'GET', `/${bucket}/shared`)
  await ask(fresh.port, 'HEAD', `/${bucket}`)
  leaving.abort()
  await first
  await ask(fresh.port, 'HEAD', `/${bucket}`)
  release()
  const { status, body } = await second
  await fresh.close()
  assert.equal([status, body], [200, content])
})

for (const [what, name, value] of [
  ['a name that no header has', 'x-amz-meta-a b', 'c'],
  ['a header that ends its line', 'Cache-Control', 'a\r\nset-cookie: b'],
  ['16 KiB of a header', 'Content-Disposition', 'a'.repeat(16_000)],
] as const) {
  test(`20: a form with ${what} is refused`, async ({ gateway }) => {
    const form = new FormData()
    for (const [field, text] of [
      ['key', 'posted'],
      [name, value],
    ] as const)
      form.append(field, text)
    form.append('file', new Blob(['content']), 'name')
    const answer = await fetch(`${gateway.endpoint}/${bucket}`, { method: 'POST', body: form })
    assert.is(answer.status, 400, await answer.text())
    assert.is((await ask(gateway.port, 'GET', `/${bucket}/posted`)).status, 404)
  })
}

test('20: text of a form is returned as it was sent', async ({ gateway: { endpoint, port } }) => {
  const form = new FormData()
  for (const [field, text] of [
    ['key', 'texts'],
    ['x-amz-meta-name', 'Привет'],
    ['Content-Disposition', 'attachment; filename="Ā.txt"'],
  ] as const)
    form.append(field, text)
  form.append('file', new Blob(['content']), 'name')
  assert.is((await fetch(`${endpoint}/${bucket}`, { method: 'POST', body: form })).status, 204)
  const { status, headers } = await ask(port, 'GET', `/${bucket}/texts`)
  assert.is(status, 200)
  const [, encoded = ''] = /^=\?UTF-8\?B\?(.*)\?=$/.exec(String(headers['x-amz-meta-name'])) ?? []
  assert.is(Buffer.from(encoded, 'base64').toString(), 'Привет')
  const disposition = Buffer.from(String(headers['content-disposition']), 'latin1').toString()
  assert.is(disposition, 'attachment; filename="Ā.txt"')
})

test.run()
