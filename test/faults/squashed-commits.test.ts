import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CommitInfo } from '../../lib/index.js'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { listed, newBucket, put, read } from '../operations/versioned-bucket.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

/** An id that no commit has. */
const unknownId = '0000000000004000800000000000ffff'

interface Context {
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Removes a commit that is not a head, as `pachctl squash commit`; its changes belong to the next one. */
  squash(id: string): Promise<void>
}

const squashed = suite<Context>('commits that someone squashes')

squashed.before.each(async (context) => {
  const truth = createMemoryPfs()
  /** The parents of squashed commits, by their ids. */
  const parents = new Map<string, CommitInfo['parentCommit']>()
  const withParent = (info: CommitInfo): CommitInfo => {
    let { parentCommit } = info
    while (parents.has(parentCommit?.id ?? '')) parentCommit = parents.get(parentCommit?.id ?? '')
    const { parentCommit: _, ...others } = info
    return { ...others, ...(parentCommit && { parentCommit }) } as CommitInfo
  }
  const withUnknown = <Value>(value: Value): Value =>
    JSON.parse(JSON.stringify(value), (_, each) => (parents.has(each) ? unknownId : each))
  const pfs = new Proxy(truth, {
    get: (target, name: keyof PachydermApi) => {
      const method = Reflect.get(target, name) as (...parameters: unknown[]) => unknown
      if (name === 'inspectCommit') {
        return async (request: unknown, options: unknown) =>
          withParent((await method(withUnknown(request), options)) as CommitInfo)
      }
      if (name === 'listCommit') {
        return async function* (request: unknown, options: unknown) {
          for await (const info of method(withUnknown(request), options) as AsyncIterable<CommitInfo>)
            if (!parents.has(info.commit.id ?? '')) yield withParent(info)
        }
      }
      if (['globFile', 'diffFile', 'getFile', 'getFileTar', 'inspectFile', 'listFile', 'walkFile'].includes(name)) {
        return (request: unknown, options: unknown) => method(withUnknown(request), options)
      }
      return method
    },
  })
  const gateway = await startGateway({ pfs })
  Object.assign(context, {
    gateway,
    s3: s3Client(gateway),
    async squash(id: string) {
      const commit = { repo: { project: 'default', name: 'squashed', type: 'user' as const }, id }
      parents.set(id, (await truth.inspectCommit({ commit })).parentCommit)
    },
  })
})

squashed.after.each(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

squashed('do not fail the next write', async ({ s3, squash }) => {
  const Bucket = await newBucket(s3, 'master.squashed')
  const ids = [await put(s3, Bucket, 'a', '1'), await put(s3, Bucket, 'b', '2'), await put(s3, Bucket, 'c', '3')]
  for (const id of ids.slice(0, -1)) await squash(id)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'd', Body: '4' }))
  for (const [Key, body] of Object.entries({ a: '1', b: '2', c: '3', d: '4' }))
    assert.is(await read(s3, Bucket, Key), body)
})

squashed('do not fail a listing of versions', async ({ s3, gateway, squash }) => {
  const Bucket = await newBucket(s3, 'master.squashed')
  const ids = [await put(s3, Bucket, 'a/1', '1'), await put(s3, Bucket, 'b/2', '2'), await put(s3, Bucket, 'c/3', '3')]
  await gateway.flush()
  assert.equal((await listed(s3, Bucket, { Prefix: 'c/' })).rows, [`>c/3 ${ids[2]} 1`])
  await squash(ids[1] ?? '')
  assert.equal((await listed(s3, Bucket)).rows, [`>a/1 ${ids[0]} 1`, `>b/2 ${ids[2]} 1`, `>c/3 ${ids[2]} 1`])
})

squashed.run()
