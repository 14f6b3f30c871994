import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type CompletedPart, CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FileOperation } from '../../../lib/index.js'
import { etagFromMd5 } from '../../../lib/resolver/object.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createMemoryPfs } from '../../../lib/testing/index.js'
import { deferred } from '../../support/deferred.js'
import { startGateway } from '../../support/gateway.js'
import { s3Client } from '../../support/s3-client.js'
import { type Begun, Bucket, begin, complete, partBytes, read, sendPart } from './uploads.js'

const many = suite('10,000 parts')

/** A PFS that reports each small part as large enough, and counts its calls. */
function createPartsPfs() {
  const pfs = createMemoryPfs()
  const calls = { underWay: 0, most: 0, fileSets: 0, composed: 0, commits: {} as Record<string, number> }
  const counting: PachydermApi = {
    ...pfs,
    async *listFile(request, options) {
      const isParts = request.file.path.startsWith('/parts/')
      for await (const info of pfs.listFile(request, options)) yield isParts ? { ...info, sizeBytes: partBytes } : info
    },
    async createFileSet(operations, options) {
      calls.fileSets += 1
      calls.underWay += 1
      calls.most = Math.max(calls.most, calls.underWay)
      try {
        return await pfs.createFileSet(operations, options)
      } finally {
        calls.underWay -= 1
      }
    },
    composeFileSet(request, options) {
      calls.composed = Math.max(calls.composed, request.fileSetIds.length)
      return pfs.composeFileSet(request, options)
    },
    modifyFile(commit, operations, options) {
      const { branch = '' } = commit
      calls.commits[branch] = (calls.commits[branch] ?? 0) + 1
      return pfs.modifyFile(commit, operations, options)
    },
  }
  return { pfs, counting, calls }
}

/** Puts 10,000 parts of 5 bytes where UploadPart would have put them. */
async function putParts(s3: S3Client, pfs: PachydermApi): Promise<{ upload: Begun; parts: CompletedPart[] }> {
  const upload = await begin(s3, 'whole', { ChecksumAlgorithm: 'CRC32' })
  const parts: CompletedPart[] = []
  const operations: FileOperation[] = []
  for (let PartNumber = 1; PartNumber <= 10_000; PartNumber += 1) {
    const name = String(PartNumber).padStart(5, '0')
    const raw = Buffer.from(name)
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE(crc32(raw))
    operations.push({ addFile: { path: `/parts/${upload.UploadId}/${name}`, raw } })
    const md5 = createHash('md5').update(raw).digest()
    operations.push({ addFile: { path: `/checksums/${upload.UploadId}/${name}`, raw: Buffer.concat([md5, checksum]) } })
    const ETag = etagFromMd5(md5)
    parts.push({ PartNumber, ETag, ChecksumCRC32: checksum.toString('base64') })
  }
  const repo = { project: 'default', name: 'images', type: 'meta' } as const
  await pfs.modifyFile({ repo, branch: 's3-uploads' }, operations)
  return { upload, parts }
}

many('are joined in order, in layers of a hundred, in few commits and with concurrent calls', async () => {
  const { pfs, counting, calls } = createPartsPfs()
  const gateway = await startGateway({ pfs: counting })
  const s3 = s3Client(gateway)
  try {
    await s3.send(new CreateBucketCommand({ Bucket }))
    const { upload, parts } = await putParts(s3, pfs)
    // The first record makes its branch.
    await s3.send(new PutObjectCommand({ Bucket, Key: 'first', Body: 'x', Metadata: { a: 'b' } }))
    await gateway.flush()
    Object.assign(calls, { fileSets: 0, commits: {} })
    const done = await complete(s3, upload, parts)
    assert.match(done.ChecksumCRC32 ?? '', /-10000$/)
    await gateway.flush()
    // The response, and five commits that delete the 20,001 files.
    const commits = { master: 1, 's3-uploads': 6, 's3-records': 2 }
    assert.equal(calls, { underWay: 0, most: 10, fileSets: 10_101, composed: 100, commits })
    const whole = parts.map(({ PartNumber }) => String(PartNumber).padStart(5, '0')).join('')
    assert.ok((await read(s3, 'whole')).toString() === whole)
  } finally {
    s3.destroy()
    await gateway.close()
  }
})

many('share commits if they are sent concurrently', async () => {
  const pfs = createMemoryPfs()
  let staged = 0
  let commits = 0
  const allStaged = deferred()
  const gateway = await startGateway({
    pfs: {
      ...pfs,
      async createFileSet(operations, options) {
        const id = await pfs.createFileSet(operations, options)
        staged += 1
        if (staged === 16) allStaged.resolve()
        return id
      },
      async modifyFile(commit, operations, options) {
        const isStaging = commit.branch === 's3-uploads'
        if (isStaging && staged > 0) await allStaged.promise
        if (isStaging) commits += 1
        await pfs.modifyFile(commit, operations, options)
      },
    },
  })
  const s3 = s3Client(gateway)
  try {
    await s3.send(new CreateBucketCommand({ Bucket }))
    const upload = await begin(s3, 'shared')
    commits = 0
    const numbers = Array.from({ length: 16 }, (_, index) => index + 1)
    await Promise.all(numbers.map((number) => sendPart(s3, upload, number, String(number))))
    assert.is(commits, 2)
  } finally {
    s3.destroy()
    await gateway.close()
  }
})

many.run()
