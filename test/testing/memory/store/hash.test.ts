import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chunkedHashBytes, smallFileHash } from '../../../../lib/pfs/file-hash.js'
import {
  type Content,
  contentChunks,
  createDirectory,
  withEntry,
} from '../../../../lib/testing/memory/store/directory.js'
import { loadContentHash } from '../../../../lib/testing/memory/store/hash.js'

const test = suite('hashes of stored content')
const hashes = await loadContentHash()

function contentOf(...pieces: Uint8Array[]): Content {
  return { pieces, size: pieces.reduce((size, piece) => size + piece.length, 0) }
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex')
}

function directoryWith(files: Readonly<Record<string, string>>) {
  let root = createDirectory()
  for (const [path, text] of Object.entries(files)) {
    root = withEntry(root, path, [{ datum: 'default', content: contentOf(Buffer.from(text)) }], {})
  }
  return root
}

test('a small file has the computed hash', async () => {
  for (const size of [0, 1, 5, chunkedHashBytes - 1]) {
    const bytes = Buffer.alloc(size, 'a')
    assert.is(hex(hashes.fileHash(contentOf(bytes))), hex(await smallFileHash(bytes)), `${size} bytes`)
  }
})

test('a large file has a different one', async () => {
  const bytes = Buffer.alloc(chunkedHashBytes, 'a')
  const hash = hashes.fileHash(contentOf(bytes))
  assert.is(hash.length, 32)
  assert.is.not(hex(hash), hex(await smallFileHash(bytes)))
})

test('equal bytes have equal hashes, in any chunks', () => {
  for (const size of [6, chunkedHashBytes]) {
    const bytes = Buffer.alloc(size, 'abcdef')
    const cut = contentOf(bytes.subarray(0, 1), bytes.subarray(1, 4), bytes.subarray(4))
    assert.is(hex(hashes.fileHash(cut)), hex(hashes.fileHash(contentOf(bytes))))
  }
})

test('the hash of a directory depends on its content only', () => {
  const hashOf = (files: Readonly<Record<string, string>>) => hex(hashes.directoryHash(directoryWith(files)))
  assert.is(hashOf({ '/a': '1', '/d/b': '2' }), hashOf({ '/d/b': '2', '/a': '1' }))
  assert.is.not(hashOf({ '/a': '1', '/b': '2' }), hashOf({ '/a': '2', '/b': '1' }))
  assert.is.not(hashOf({ '/d/b': '2' }), hashOf({ '/b': '2' }))
})

test('the hash of a directory does not depend on its history', () => {
  const names = Array.from({ length: 500 }, (_, i) => [`/${i}`, String(i)])
  let left = directoryWith(Object.fromEntries(names))
  for (const [path = ''] of names.slice(100)) left = withEntry(left, path, undefined, {})
  const right = directoryWith(Object.fromEntries(names.slice(0, 100).reverse()))
  assert.is(hex(hashes.directoryHash(left)), hex(hashes.directoryHash(right)))
})

test('the hash of a directory changes with it', () => {
  const records = (text: string) => [{ datum: 'default', content: contentOf(Buffer.from(text)) }]
  let root = withEntry(createDirectory(), '/d/a', records('1'), {})
  const before = hex(hashes.directoryHash(root))
  root = withEntry(root, '/d/a', records('2'), {})
  assert.is.not(hex(hashes.directoryHash(root)), before)
})

test('content is sent from an offset on, in chunks of at most a mebibyte', () => {
  const content = contentOf(Buffer.from('abc'), Buffer.from(''), Buffer.alloc(2 ** 20 + 5, 'd'))
  const lengths = (offset: number) => [...contentChunks(content, offset)].map((chunk) => chunk.length)
  assert.equal(lengths(0), [3, 2 ** 20, 5])
  assert.equal(lengths(2), [1, 2 ** 20, 5])
  assert.equal(lengths(3), [2 ** 20, 5])
  assert.equal(lengths(content.size - 6), [6])
  assert.equal(lengths(content.size), [])
  assert.equal(lengths(content.size + 1), [])
})

test.run()
