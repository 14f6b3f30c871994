// signatures: v4
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Client } from 'minio'

const { ACCESS_KEY, BUCKET, ENDPOINT, FILE, SECRET_KEY } = process.env
const { hostname, port } = new URL(ENDPOINT)
const client = new Client({
  endPoint: hostname,
  port: Number(port),
  useSSL: false,
  accessKey: ACCESS_KEY,
  secretKey: SECRET_KEY,
})

async function checksum(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

// List buckets, make one.
assert.ok((await client.listBuckets()).some(({ name }) => name === 'master.images'))
assert.equal(await client.bucketExists(BUCKET), false)
await client.makeBucket(BUCKET)
assert.equal(await client.bucketExists(BUCKET), true)

// Copy in, list, cat, copy inside the gateway.
await client.putObject(BUCKET, 'dir/hello.txt', 'hello\n')
const listed = await client.listObjectsV2(BUCKET, '', true).toArray()
assert.deepEqual(
  listed.map(({ name, size }) => [name, size]),
  [['dir/hello.txt', 6]],
)
assert.equal(await text(await client.getObject(BUCKET, 'dir/hello.txt')), 'hello\n')
assert.equal(await text(await client.getPartialObject(BUCKET, 'dir/hello.txt', 1, 3)), 'ell')
await client.copyObject(BUCKET, 'copy.txt', `/${BUCKET}/dir/hello.txt`)
assert.equal((await client.statObject(BUCKET, 'copy.txt')).size, 6)

// A large file in and out.
await client.fPutObject(BUCKET, 'file.bin', FILE)
await client.fGetObject(BUCKET, 'file.bin', 'file-out.bin')
assert.equal(await checksum('file-out.bin'), await checksum(FILE))

// Remove.
await client.removeObjects(BUCKET, ['dir/hello.txt', 'copy.txt', 'file.bin'])
await assert.rejects(client.statObject(BUCKET, 'copy.txt'), { code: 'NotFound' })
await client.removeBucket(BUCKET)
assert.equal(await client.bucketExists(BUCKET), false)
