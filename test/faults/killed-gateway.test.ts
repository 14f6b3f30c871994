import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { deferred } from '../support/deferred.js'
import { startListening } from '../support/program.js'
import { bucket, commits, holds, repos, sum } from './support/branch.js'

const objects = 1000
const writers = 32
const killedAfter = 400

/** Every fortieth write is streamed in a separate call; the others share commits. */
function contentOf(index: number): Buffer {
  return Buffer.alloc(index % 40 === 0 ? 1_200_000 : 500 + index, `object ${index} `)
}

const killed = suite('a gateway that is killed')

killed('the branch contains every confirmed write completely, and otherwise only writes in progress', async () => {
  const pfs = createMemoryPfs({ repos, commitMilliseconds: 5 })
  const served = await servePfs(pfs, '127.0.0.1:0')
  const start = () => startListening(['--pachd', served.address, '--auth', 'none', '--log', 'off'])
  const answered = new Set<number>()
  const lost = new Set<number>()
  const left = Array.from({ length: objects }, (_, index) => index).values()

  async function write(port: number, onAnswer: () => void): Promise<void> {
    for (const index of left) {
      const { status } = await ask(port, 'PUT', `/${bucket}/object-${index}`, contentOf(index))
      if (status === 200) answered.add(index)
      else lost.add(index)
      if (status !== 200) return
      onAnswer()
    }
  }
  const writeAll = (endpoint: string, onAnswer: () => void) =>
    Promise.all(Array.from({ length: writers }, () => write(Number(new URL(endpoint).port), onAnswer)))

  const first = await start()
  await writeAll(first.endpoint, () => {
    if (answered.size === killedAfter) first.child.kill('SIGKILL')
  })
  assert.is((await first.ended).signal, 'SIGKILL')
  assert.ok(answered.size < killedAfter + writers)
  assert.is(lost.size, writers, 'each writer had one on its way')

  const second = await start()
  await writeAll(second.endpoint, () => {})
  assert.is(answered.size + lost.size, objects)
  assert.is(lost.size, writers, 'after the restart every write is answered')

  const held = await holds(pfs)
  for (const index of answered) assert.is(held.get(`object-${index}`), sum(contentOf(index)), `object-${index}`)
  for (const index of lost) {
    const content = held.get(`object-${index}`)
    assert.ok(content === undefined || content === sum(contentOf(index)), `object-${index} is there in part`)
  }
  assert.ok([...held.keys()].every((key) => /^object-\d+$/.test(key)))
  assert.ok((await commits(pfs)).length > 0, 'no commit is open')

  await second.stop()
  await served.close()
})

const uploads = 8
const killedAfterUploads = 3
const parts = [Buffer.alloc(5 * 1024 * 1024, 'first part '), Buffer.alloc(10_000, 'last part ')]

killed('multipart uploads continue: confirmed parts are kept, and each step can be repeated', async () => {
  const pfs = createMemoryPfs({ repos, commitMilliseconds: 5 })
  const served = await servePfs(pfs, '127.0.0.1:0')
  const start = () => startListening(['--pachd', served.address, '--auth', 'none', '--log', 'off'])
  const first = await start()
  const portOf = ({ endpoint }: { readonly endpoint: string }): number => Number(new URL(endpoint).port)
  let completed = 0
  let lost = 0
  const restarted = first.ended.then(start)

  /** One step of an upload, again where its answer was lost. */
  async function step(method: string, target: string, body?: string | Uint8Array) {
    const answer = await ask(portOf(first), method, target, body)
    if (answer.status === 200) return answer
    assert.is(answer.status, 0, answer.code)
    lost++
    const again = await ask(portOf(await restarted), method, target, body)
    assert.is(again.status, 200, `${method} ${target}: ${again.code}`)
    return again
  }

  async function upload(index: number): Promise<void> {
    const target = `/${bucket}/upload-${index}`
    const created = await step('POST', `${target}?uploads`)
    const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(created.body.toString())?.[1] ?? ''
    let list = ''
    for (const [number, part] of parts.entries()) {
      const { headers } = await step('PUT', `${target}?partNumber=${number + 1}&uploadId=${uploadId}`, part)
      list += `<Part><PartNumber>${number + 1}</PartNumber><ETag>${headers.etag}</ETag></Part>`
    }
    const document = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`
    await step('POST', `${target}?uploadId=${uploadId}`, document)
    if (++completed === killedAfterUploads) first.child.kill('SIGKILL')
  }
  await Promise.all(
    Array.from({ length: 4 }, async (_, writer) => {
      for (let index = writer; index < uploads; index += 4) await upload(index)
    }),
  )
  assert.ok(lost > 0, 'it was killed in the middle')

  const whole = sum(Buffer.concat(parts))
  const held = await holds(pfs)
  const wanted = Array.from({ length: uploads }, (_, index) => [`upload-${index}`, whole])
  assert.equal([...held].sort(), wanted.sort())
  const second = await restarted
  const listed = await ask(portOf(second), 'GET', `/${bucket}?uploads`)
  const leftover = listed.body.toString().match(/<Upload>/g) ?? []
  assert.ok(leftover.length <= lost, 'no upload is left but one whose beginning was not answered')
  await second.stop()
  await served.close()
})

killed('data without records is served with defaults, and a later write records it again', async () => {
  const truth = createMemoryPfs({ repos, commitMilliseconds: 5 })
  const [reached, recordsAllowed] = [deferred(), deferred()]
  const served = await servePfs(
    {
      ...truth,
      modifyFile: async (commit, operations, options) => {
        if (commit.repo.type === 'meta') {
          reached.resolve()
          await recordsAllowed.promise
        }
        return truth.modifyFile(commit, operations, options)
      },
    },
    '127.0.0.1:0',
  )
  const start = () => startListening(['--pachd', served.address, '--auth', 'none', '--log', 'off'])
  const portOf = ({ endpoint }: { readonly endpoint: string }): number => Number(new URL(endpoint).port)
  const plain = `/${bucket}/plain.html`
  const md5 = (content: string) => `"${createHash('md5').update(content).digest('hex')}"`
  const first = await start()

  const put = await ask(portOf(first), 'PUT', plain, 'content')
  assert.equal([put.status, put.headers.etag], [200, md5('content')])
  // This record would be committed before its data.
  const described = ask(portOf(first), 'PUT', `/${bucket}/described`, 'content', { 'x-amz-meta-a': 'b' })
  await reached.promise
  first.child.kill('SIGKILL')
  assert.is((await first.ended).signal, 'SIGKILL')
  assert.is((await described).status, 0)

  const second = await start()
  const port = portOf(second)
  const found = await ask(port, 'GET', plain)
  assert.equal([found.status, found.text], [200, 'content'])
  assert.match(String(found.headers.etag), /^"[0-9a-f]{64}-1"$/)
  assert.equal(
    [found.headers['content-type'], found.headers['x-amz-version-id']],
    ['text/html', put.headers['x-amz-version-id']],
  )
  const listing = await ask(port, 'GET', `/${bucket}?list-type=2`)
  assert.match(listing.text, `<Key>plain.html</Key>`)
  assert.match(listing.text, String(found.headers.etag).replaceAll('"', '&quot;'))
  assert.is((await ask(port, 'GET', plain, '', { 'if-match': md5('content') })).status, 200, 'the MD5 is computed')
  assert.is((await ask(port, 'HEAD', `/${bucket}/described`)).status, 404, 'no data without its metadata')

  recordsAllowed.resolve()
  const again = await ask(port, 'PUT', plain, 'content')
  assert.is((await ask(port, 'PUT', `/${bucket}/described`, 'content', { 'x-amz-meta-a': 'b' })).status, 200)
  await second.stop()
  const third = await start()
  const recorded = await ask(portOf(third), 'HEAD', plain)
  assert.equal(
    [recorded.headers.etag, recorded.headers['x-amz-version-id']],
    [md5('content'), again.headers['x-amz-version-id']],
  )
  const { headers } = await ask(portOf(third), 'HEAD', `/${bucket}/described`)
  assert.equal([headers.etag, headers['x-amz-meta-a']], [md5('content'), 'b'])
  await third.stop()
  await served.close()
})

killed.run()
