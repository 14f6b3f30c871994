import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { mock } from 'node:test'
import { CreateBucketCommand, ListMultipartUploadsCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../../lib/index.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createMemoryPfs } from '../../../lib/testing/index.js'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { s3Client } from '../../support/s3-client.js'
import { type Begun, Bucket, begin, read, sendPart } from './uploads.js'

interface Deferred<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (reason: unknown) => void
}

function createDeferred<Value>(): Deferred<Value> {
  let settle: Omit<Deferred<Value>, 'promise'> | undefined
  const promise = new Promise<Value>((resolve, reject) => {
    settle = { resolve, reject }
  })
  if (settle === undefined) throw new Error('a promise runs its executor at once')
  return { promise, ...settle }
}

/** A PFS that blocks the joining of parts until the test continues or fails it. */
function createStallingPfs() {
  const pfs = createMemoryPfs()
  const reached = createDeferred<AbortSignal | undefined>()
  const released = createDeferred<void>()
  const stalling: PachydermApi = {
    ...pfs,
    async createFileSet(operations, options) {
      // Parts come as streams; to join them takes lists.
      if (Array.isArray(operations)) {
        reached.resolve(options?.signal)
        await released.promise
      }
      return pfs.createFileSet(operations, options)
    },
  }
  return { stalling, reached: reached.promise, released }
}

interface Context {
  gateway: Gateway
  s3: S3Client
  stall: ReturnType<typeof createStallingPfs>
  upload: Begun
  document: string
  errors: unknown[]
}

const late = suite<Context>('late responses')

late.before.each(async (context) => {
  context.stall = createStallingPfs()
  context.errors = []
  const onError = (error: unknown) => context.errors.push(error)
  context.gateway = await startGateway({ pfs: context.stall.stalling, options: { onError } })
  context.s3 = s3Client(context.gateway)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
  context.upload = await begin(context.s3, 'late')
  const { ETag } = await sendPart(context.s3, context.upload, 1, 'x')
  context.document = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${ETag}</ETag></Part></CompleteMultipartUpload>`
  mock.timers.enable({ apis: ['setTimeout'] })
})

late.after.each(async ({ gateway, s3 }) => {
  mock.timers.reset()
  s3.destroy()
  await gateway.close()
})

function post({ gateway, upload, document }: Context, headers: Record<string, string> = {}) {
  const url = `${gateway.endpoint}/${Bucket}/late?uploadId=${upload.UploadId}`
  return request(url, { method: 'POST', headers }).end(document)
}

async function responseTo(sent: ReturnType<typeof post>): Promise<IncomingMessage> {
  const [response] = await once(sent, 'response')
  return response
}

async function nextChunk(response: IncomingMessage): Promise<string> {
  const [chunk] = await once(response, 'data')
  return String(chunk)
}

async function rest(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

late('a failure before the first white space has its own status', async (context) => {
  const sent = post(context)
  await context.stall.reached
  context.stall.released.reject(new PfsError('UNAVAILABLE', 'gone'))
  const response = await responseTo(sent)
  assert.is(response.statusCode, 503)
  assert.match(await rest(response), '<Code>ServiceUnavailable</Code>')
})

late('white space is sent every few seconds, and then the document', async (context) => {
  const sent = post(context)
  await context.stall.reached
  mock.timers.tick(10_000)
  const response = await responseTo(sent)
  assert.is(response.statusCode, 200)
  assert.is(await nextChunk(response), '<?xml version="1.0" encoding="UTF-8"?>\n')
  for (let space = 0; space < 3; space += 1) {
    const chunk = nextChunk(response)
    mock.timers.tick(10_000)
    assert.is(await chunk, ' ')
  }
  context.stall.released.resolve()
  assert.match(await rest(response), /^<CompleteMultipartUploadResult .*<\/CompleteMultipartUploadResult>$/)
  assert.is((await read(context.s3, 'late')).toString(), 'x')
})

late('a later failure is an Error document, and reported to operators', async (context) => {
  const sent = post(context)
  await context.stall.reached
  mock.timers.tick(10_000)
  const response = await responseTo(sent)
  await nextChunk(response)
  const failure = new PfsError('UNAVAILABLE', 'gone')
  context.stall.released.reject(failure)
  const text = await rest(response)
  const id = response.headers['x-amz-request-id']
  assert.match(text, /^<Error><Code>ServiceUnavailable<\/Code>.*<\/Error>$/)
  assert.match(text, `<RequestId>${id}</RequestId>`)
  assert.ok(response.complete)
  assert.equal(context.errors, [failure])
})

late('a condition that fails late gets an Error document, too', async (context) => {
  const sent = post(context, { 'if-none-match': '*' })
  await context.stall.reached
  mock.timers.tick(10_000)
  const response = await responseTo(sent)
  await nextChunk(response)
  await context.s3.send(new PutObjectCommand({ Bucket, Key: 'late', Body: 'other' }))
  context.stall.released.resolve()
  assert.match(await rest(response), '<Error><Code>ConditionalRequestConflict</Code>')
  assert.is((await read(context.s3, 'late')).toString(), 'other')
})

late('a client that leaves cancels the work, and may complete the upload later', async (context) => {
  const sent = post(context)
  sent.on('error', () => undefined)
  const signal = await context.stall.reached
  sent.destroy()
  if (signal?.aborted === false) await once(signal, 'abort')
  context.stall.released.resolve()
  const listed = await context.s3.send(new ListMultipartUploadsCommand({ Bucket }))
  assert.is(listed.Uploads?.length, 1)
  const response = await responseTo(post(context))
  assert.match(await rest(response), '<CompleteMultipartUploadResult')
  assert.is((await read(context.s3, 'late')).toString(), 'x')
})

late.run()
