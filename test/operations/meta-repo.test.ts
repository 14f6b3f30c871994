import { CreateMultipartUploadCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { type GuardedPfs, openGuardedPfs } from '../support/test-pfs.js'

/** A writer of a repo in a project where only others may create repos. */
interface Context {
  readonly pfs: GuardedPfs
  readonly gateway: Gateway
  readonly owner: Gateway
  readonly errors: unknown[]
  readonly s3: S3Client
  readonly ownerS3: S3Client
}

const Bucket = 'master.images.lab'
const test = suite<Context>('writers who may not create the meta repo')

test.before(async (context) => {
  const pfs = await openGuardedPfs()
  await pfs.asRoot.createProject({ project: 'lab' })
  const repo = { project: 'lab', name: 'images', type: 'user' } as const
  await pfs.asRoot.createRepo({ repo })
  await pfs.asRoot.createBranch({ branch: { repo, name: 'master' } })
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const gateway = await startGateway({ opened: pfs, options: { onError } })
  const ownerConfig = { mode: 'none', authToken: pfs.rootToken } as const
  const owner = await startGateway({ opened: pfs, authConfig: ownerConfig })
  Object.assign(context, { pfs, gateway, owner, errors, s3: s3Client(gateway), ownerS3: s3Client(owner) })
})

test.after(async ({ pfs, gateway, owner, s3, ownerS3 }) => {
  s3.destroy()
  ownerS3.destroy()
  await owner.close()
  await gateway.close()
  await pfs.close()
})

const put = (s3: S3Client, Key: string, more = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }))
const multipart = (s3: S3Client) => s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }))

test('plain objects are written, also with a content type, and operators hear once of lost records', async (context) => {
  const { gateway, errors, s3 } = context
  await put(s3, 'a.py', { ContentType: 'text/x-python' })
  await put(s3, 'b.sh', { ContentType: 'text/x-sh' })
  await put(s3, 'c')
  await gateway.flush()
  const { ContentLength } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'b.sh' }))
  assert.is(ContentLength, 4)
  assert.is(errors.length, 1)
  assert.match(String(errors[0]), /may not create repos in the project/)
})

test('metadata, tags and uploads of parts are refused with the reason', async ({ s3 }) => {
  const requests = [
    () => put(s3, 'm', { Metadata: { camera: 'north' } }),
    () => put(s3, 't', { Tagging: 'a=b' }),
    () => put(s3, 'd/', { Body: '' }),
    () => multipart(s3),
  ]
  for (const request of requests) {
    const error = await request().then(() => undefined, String)
    assert.match(error ?? '', /^AccessDenied: .*repo of type meta beside "images".*may not create repos in the project/)
  }
})

test('all of it works once somebody else has written one object with metadata', async ({ s3, ownerS3 }) => {
  await put(ownerS3, 'first', { Metadata: { by: 'owner' } })
  await put(s3, 'm', { Metadata: { camera: 'north' }, ContentType: 'text/x-python' })
  const { Metadata, ContentType } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'm' }))
  assert.equal([Metadata, ContentType], [{ camera: 'north' }, 'text/x-python'])
  const { UploadId } = await multipart(s3)
  assert.type(UploadId, 'string')
})

test.run()
