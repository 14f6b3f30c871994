import { CreateBucketCommand, ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sweepUploads } from '../../../lib/index.js'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client } from '../../support/s3-client.js'
import { type Begun, Bucket, begin, complete, sendPart } from './uploads.js'

const hour = 3_600_000
const staging = { repo: { project: 'default', name: 'images', type: 'meta' }, branch: 's3-uploads' } as const

const sweep = suite<{ gateway: Gateway; s3: S3Client }>('sweep of uploads')

sweep.before.each(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

sweep.after.each(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

async function files({ pfs }: Gateway): Promise<string[]> {
  const paths: string[] = []
  for await (const { file, fileType } of pfs.globFile({ commit: staging, pattern: '/**' })) {
    if (fileType === 'FILE') paths.push(file.path)
  }
  return paths
}

/** Makes an upload one that began hours ago: its time is in its id, and its id in its files' paths. */
async function backdate(gateway: Gateway, upload: Begun, hours: number): Promise<Begun> {
  const began = (Date.now() - hours * hour).toString(16).padStart(11, '0')
  const UploadId = began + upload.UploadId.slice(11)
  const operations = (await files(gateway))
    .filter((path) => path.includes(upload.UploadId))
    .flatMap((path) => [
      { copyFile: { dst: path.replace(upload.UploadId, UploadId), src: { commit: staging, path } } },
      { deleteFile: { path } },
    ])
  await gateway.pfs.modifyFile(staging, operations)
  return { ...upload, UploadId }
}

sweep('without uploads, a sweep finds nothing', async ({ gateway }) => {
  assert.equal(await sweepUploads(gateway.pfs, { olderThanMilliseconds: 0 }), { uploads: 0, files: 0 })
})

sweep('old uploads are deleted with their parts, new ones stay', async ({ gateway, s3 }) => {
  const given = { ChecksumAlgorithm: 'CRC32' } as const
  const old = await begin(s3, 'old', given)
  await sendPart(s3, old, 1, 'x')
  await sendPart(s3, old, 2, 'x')
  const swept = await backdate(gateway, old, 3)
  const young = await begin(s3, 'young', given)
  const part = await sendPart(s3, young, 1, 'x')
  assert.equal(await sweepUploads(gateway.pfs, { olderThanMilliseconds: 2 * hour }), { uploads: 1, files: 5 })
  assert.is(await refusal(sendPart(s3, swept, 3, 'x')), '404 NoSuchUpload')
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
  assert.equal(
    Uploads?.map(({ Key }) => Key),
    ['young'],
  )
  await complete(s3, young, [part])
})

sweep('records of completed uploads are swept, too, and late parts', async ({ gateway, s3 }) => {
  const upload = await begin(s3, 'done')
  const part = await sendPart(s3, upload, 1, 'x')
  await complete(s3, upload, [part])
  const late = [{ addFile: { path: `/parts/${upload.UploadId}/00002`, raw: Buffer.from('late') } }]
  await gateway.pfs.modifyFile(staging, late)
  const old = await backdate(gateway, upload, 3)
  assert.is(await refusal(complete(s3, old, [part])), 'none')
  assert.equal(await sweepUploads(gateway.pfs, { olderThanMilliseconds: 2 * hour }), { uploads: 0, files: 2 })
  assert.equal(await files(gateway), [])
  assert.is(await refusal(complete(s3, old, [part])), '404 NoSuchUpload')
})

sweep('uploads to a deleted branch are swept', async ({ gateway, s3 }) => {
  await s3.send(new CreateBucketCommand({ Bucket: 'dev.images' }))
  const upload = await begin(s3, 'x', { Bucket: 'dev.images' })
  await backdate(gateway, upload, 3)
  const branch = { repo: { project: 'default', name: 'images', type: 'user' }, name: 'dev' } as const
  await gateway.pfs.deleteBranch({ branch })
  assert.equal(await sweepUploads(gateway.pfs, { olderThanMilliseconds: hour }), { uploads: 1, files: 1 })
})

sweep.run()
