import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { mock } from 'node:test'
import { CreateMultipartUploadCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { newBucket, put } from './versioned-bucket.js'

const Bucket = 'master.late'

interface Context {
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Settles when the content of the source is read, which waits for `release`. */
  readonly reached: Promise<void>
  release(): void
}

const late = suite<Context>('copies that take seconds')

late.before.each(async (context) => {
  const truth = createMemoryPfs()
  const [reached, released] = [deferred(), deferred()]
  const pfs: PachydermApi = {
    ...truth,
    async *getFile(request, options) {
      reached.resolve()
      await released.promise
      yield* truth.getFile(request, options)
    },
  }
  const gateway = await startGateway({ pfs })
  Object.assign(context, { gateway, s3: s3Client(gateway), reached: reached.promise, release: released.resolve })
})

late.after.each(async ({ gateway, s3 }) => {
  mock.timers.reset()
  s3.destroy()
  await gateway.close()
})

/** The headers and the document of a copy that waits for its source longer than the headers can. */
async function copied({ gateway, reached, release }: Context, target: string, headers: Record<string, string>) {
  mock.timers.enable({ apis: ['setTimeout'] })
  const sent = request(`${gateway.endpoint}/${Bucket}/${target}`, {
    method: 'PUT',
    headers: { 'x-amz-copy-source': `${Bucket}/source`, ...headers },
  }).end()
  await reached
  mock.timers.tick(10_000)
  const [response]: IncomingMessage[] = await once(sent, 'response')
  release()
  let text = ''
  for await (const chunk of response ?? []) text += chunk
  return { headers: response?.headers ?? {}, text }
}

late('name the version of the source and the encryption, but not their own version', async (context) => {
  await newBucket(context.s3, Bucket)
  const id = await put(context.s3, Bucket, 'source', 'x')
  const { headers, text } = await copied(context, 'target', {
    'x-amz-checksum-algorithm': 'SHA256',
    'x-amz-server-side-encryption': 'AES256',
  })
  assert.match(text, /<CopyObjectResult .*<ChecksumSHA256>/)
  assert.is(headers['x-amz-copy-source-version-id'], id)
  assert.is(headers['x-amz-server-side-encryption'], 'AES256')
  assert.is(headers['x-amz-version-id'], undefined)
})

late('of a part name the version of the source', async (context) => {
  await newBucket(context.s3, Bucket)
  const id = await put(context.s3, Bucket, 'source', 'x')
  const { UploadId } = await context.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k' }))
  const { headers, text } = await copied(context, `k?partNumber=1&uploadId=${UploadId}`, {
    'x-amz-copy-source-range': 'bytes=0-0',
  })
  assert.match(text, /<CopyPartResult .*<ETag>/)
  assert.is(headers['x-amz-copy-source-version-id'], id)
})

late.run()
