// signatures: v4
// covers: list, put, get, range, parts, copy, delete, presign
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Client } from 'minio'

const { ACCESS_KEY, BUCKET, ENDPOINT, FILE, MODULES, PARTS, SECRET_KEY } = process.env
const { hostname, port } = new URL(ENDPOINT)
const client = new Client({
  endPoint: hostname,
  port: Number(port),
  useSSL: false,
  accessKey: ACCESS_KEY,
  secretKey: SECRET_KEY,
})

console.log(`client: minio-js ${JSON.parse(readFileSync(`${MODULES}/minio/package.json`, 'utf8')).version}`)

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

// Copy between keys with spaces and parentheses; a presigned URL.
await client.putObject(BUCKET, 'spaced/a b (1).txt', 'hello\n')
await client.copyObject(BUCKET, 'spaced/c d (2).txt', `/${BUCKET}/spaced/a b (1).txt`)
const url = await client.presignedGetObject(BUCKET, 'spaced/c d (2).txt')
assert.equal(await (await fetch(url)).text(), 'hello\n')

// A file in parts.
await client.putObject(BUCKET, 'parts.bin', createReadStream(PARTS), undefined)
await client.fGetObject(BUCKET, 'parts.bin', 'parts-out.bin')
assert.equal(await checksum('parts-out.bin'), await checksum(PARTS))

// A large file in and out.
await client.fPutObject(BUCKET, 'file.bin', FILE)
await client.fGetObject(BUCKET, 'file.bin', 'file-out.bin')
assert.equal(await checksum('file-out.bin'), await checksum(FILE))

// Remove.
const keys = ['dir/hello.txt', 'copy.txt', 'file.bin', 'parts.bin', 'spaced/a b (1).txt', 'spaced/c d (2).txt']
await client.removeObjects(BUCKET, keys)
await assert.rejects(client.statObject(BUCKET, 'copy.txt'), { code: 'NotFound' })
await client.removeBucket(BUCKET)
assert.equal(await client.bucketExists(BUCKET), false)
