// signatures: v4
// pachd: yes
// covers: list, put, get, range, parts, copy, delete, presign
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

const { ACCESS_KEY, BUCKET, ENDPOINT, FILE, MODULES, PARTS, SECRET_KEY } = process.env
const s3 = new S3Client({
  endpoint: ENDPOINT,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
})
console.log(
  `client: AWS SDK for JavaScript ${JSON.parse(readFileSync(`${MODULES}/@aws-sdk/client-s3/package.json`, 'utf8')).version}`,
)
const get = async (Key) => (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body

async function checksum(stream) {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest('hex')
}

// List buckets, make one.
const { Buckets } = await s3.send(new ListBucketsCommand({}))
assert.ok(Buckets.some(({ Name }) => Name === 'master.images'))
await s3.send(new CreateBucketCommand({ Bucket: BUCKET }))

// Copy in, list, cat, copy inside the gateway.
await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'dir/hello.txt', Body: 'hello\n' }))
const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))
assert.deepEqual(
  Contents.map(({ Key, Size }) => [Key, Size]),
  [['dir/hello.txt', 6]],
)
assert.equal(await (await get('dir/hello.txt')).transformToString(), 'hello\n')
await s3.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'copy.txt', CopySource: `${BUCKET}/dir/hello.txt` }))
assert.equal((await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'copy.txt' }))).ContentLength, 6)

// Copy between keys with spaces and parentheses, the source encoded whole as in Amazon's examples; a range.
const spaced = { Bucket: BUCKET, Key: 'spaced/a b (1).txt' }
await s3.send(new PutObjectCommand({ ...spaced, Body: 'hello\n' }))
const CopySource = encodeURIComponent(`${BUCKET}/${spaced.Key}`)
await s3.send(new CopyObjectCommand({ Bucket: BUCKET, Key: 'spaced/c d (2).txt', CopySource }))
const { Body: part } = await s3.send(
  new GetObjectCommand({ Bucket: BUCKET, Key: 'spaced/c d (2).txt', Range: 'bytes=1-3' }),
)
assert.equal(await part.transformToString(), 'ell')

// A file in parts, and out.
const parts = { Bucket: BUCKET, Key: 'parts.bin', Body: createReadStream(PARTS) }
await new Upload({ client: s3, params: parts, partSize: 5 * 1024 * 1024 }).done()
assert.equal(await checksum(await get('parts.bin')), await checksum(createReadStream(PARTS)))
await new Upload({ client: s3, params: { Bucket: BUCKET, Key: 'file.bin', Body: createReadStream(FILE) } }).done()
assert.equal(await checksum(await get('file.bin')), await checksum(createReadStream(FILE)))

// Presigned URLs and a presigned form, used by a client that has no credentials.
const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket: BUCKET, Key: 'presigned (1).txt' }), {
  expiresIn: 60,
})
assert.equal((await fetch(put, { method: 'PUT', body: 'by URL' })).status, 200)
const read = await getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: 'presigned (1).txt' }), {
  expiresIn: 60,
})
assert.equal(await (await fetch(read)).text(), 'by URL')
const { url, fields } = await createPresignedPost(s3, { Bucket: BUCKET, Key: 'form.txt', Expires: 60 })
const form = new FormData()
for (const [name, value] of Object.entries(fields)) form.append(name, value)
form.append('file', new Blob(['by form']))
assert.equal((await fetch(url, { method: 'POST', body: form })).status, 204)
assert.equal(await (await get('form.txt')).transformToString(), 'by form')

// Remove.
const keys = [
  'dir/hello.txt',
  'copy.txt',
  'file.bin',
  'parts.bin',
  'spaced/a b (1).txt',
  'spaced/c d (2).txt',
  'presigned (1).txt',
  'form.txt',
]
await s3.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects: keys.map((Key) => ({ Key })) } }))
await assert.rejects(s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'copy.txt' })), { name: 'NotFound' })
await s3.send(new DeleteBucketCommand({ Bucket: BUCKET }))
