import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sweepUploads } from '../../../lib/index.js'
import { type Gateway, startGuardedGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client, tokenCredentials } from '../../support/s3-client.js'
import { Bucket, begin, complete, read, sendPart } from './uploads.js'

interface Context {
  gateway: Gateway
  root: S3Client
  reader: S3Client
  writer: S3Client
  stranger: S3Client
  readerToken: string
}

const rights = suite<Context>('rights on uploads')

rights.before.each(async (context) => {
  const gateway = await startGuardedGateway()
  const { pfs } = gateway
  context.gateway = gateway
  context.root = s3Client(gateway, tokenCredentials(gateway.rootToken))
  await context.root.send(new CreateBucketCommand({ Bucket }))
  const resource = { type: 'REPO', name: 'default/images' } as const
  const clientOf = async (robot: string, role?: string) => {
    const token = await pfs.getRobotToken({ robot })
    const roles = role === undefined ? [] : [role]
    await pfs.modifyRoleBinding({ resource, principal: `robot:${robot}`, roles })
    return { token, client: s3Client(gateway, tokenCredentials(token)) }
  }
  const reader = await clientOf('reader', 'repoReader')
  context.reader = reader.client
  context.readerToken = reader.token
  context.writer = (await clientOf('writer', 'repoWriter')).client
  context.stranger = (await clientOf('stranger')).client
})

rights.after.each(async ({ gateway, root, reader, writer, stranger }) => {
  for (const client of [root, reader, writer, stranger]) client.destroy()
  await gateway.close()
})

rights('a writer can upload', async ({ writer, reader }) => {
  const upload = await begin(writer, 'x')
  await complete(writer, upload, [await sendPart(writer, upload, 1, 'x')])
  assert.is((await read(reader, 'x')).toString(), 'x')
})

rights('a caller who may not write creates no repo for parts', async ({ reader, stranger, gateway }) => {
  assert.is(await refusal(begin(reader, 'x')), '403 AccessDenied')
  assert.is(await refusal(begin(stranger, 'x')), '403 AccessDenied')
  const repo = { project: 'default', name: 'images', type: 'meta' } as const
  const missing = await gateway.pfs.inspectRepo(repo).catch((error: Error) => error.message)
  assert.is(missing, 'repo default/images.meta not found')
})

rights('a reader can list uploads but not change them', async ({ reader, writer }) => {
  const upload = await begin(writer, 'x')
  const part = await sendPart(writer, upload, 1, 'x')
  assert.is((await reader.send(new ListPartsCommand(upload))).Parts?.length, 1)
  assert.is((await reader.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length, 1)
  assert.is(await refusal(begin(reader, 'y')), '403 AccessDenied')
  assert.is(await refusal(sendPart(reader, upload, 2, 'y')), '403 AccessDenied')
  assert.is(await refusal(complete(reader, upload, [part])), '403 AccessDenied')
  assert.is(await refusal(reader.send(new AbortMultipartUploadCommand(upload))), '403 AccessDenied')
  await complete(writer, upload, [part])
})

rights('a stranger sees nothing', async ({ stranger, writer }) => {
  const upload = await begin(writer, 'x')
  const part = await sendPart(writer, upload, 1, 'x')
  assert.is(await refusal(stranger.send(new ListPartsCommand(upload))), '403 AccessDenied')
  assert.is(await refusal(stranger.send(new ListMultipartUploadsCommand({ Bucket }))), '403 AccessDenied')
  assert.is(await refusal(sendPart(stranger, upload, 2, 'y')), '403 AccessDenied')
  assert.is(await refusal(complete(stranger, upload, [part])), '403 AccessDenied')
})

rights('a part cannot be copied from a source that the caller may not read', async ({ root, writer }) => {
  await root.send(new CreateBucketCommand({ Bucket: 'secret' }))
  await root.send(new PutObjectCommand({ Bucket: 'secret', Key: 'x', Body: 'x' }))
  const upload = await begin(writer, 'x')
  const copy = new UploadPartCopyCommand({ ...upload, PartNumber: 1, CopySource: 'secret/x' })
  assert.is(await refusal(writer.send(copy)), '403 AccessDenied')
})

rights('a sweep skips repos that the caller may not write', async ({ writer, gateway, readerToken }) => {
  await begin(writer, 'x')
  const request = { olderThanMilliseconds: -1000 }
  assert.equal(await sweepUploads(gateway.pfs, request, { authToken: readerToken }), { uploads: 0, files: 0 })
  assert.equal(await sweepUploads(gateway.pfs, request), { uploads: 1, files: 1 })
})

rights.run()
