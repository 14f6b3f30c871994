import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readTar, tarDirectory, tarEnd, tarFile } from '../../lib/pfs/tar.js'

const test = suite('TAR archives')

async function* inPieces(bytes: Buffer, size: number) {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

async function filesOf(archive: Buffer, size: number): Promise<[string, string][]> {
  const files: [string, string][] = []
  for await (const { path, content } of readTar(inPieces(archive, size))) files.push([path, content.toString('hex')])
  return files
}

const path = fc.stringMatching(/^(\/[ -.0-9A-Za-z%~=]{1,120}){1,3}$/)

test('are read as they were written, in chunks of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(path, fc.uint8Array({ maxLength: 1500 })), { maxLength: 5 }),
      fc.integer({ min: 1, max: 3000 }),
      async (files, size) => {
        const archive = [
          tarDirectory('/d/'),
          ...files.map(([name, content]) => tarFile(name, Buffer.from(content))),
          tarEnd,
        ]
        const expected = files.map(([name, content]) => [name, Buffer.from(content).toString('hex')])
        assert.equal(await filesOf(Buffer.concat(archive), size), expected)
      },
    ),
    { numRuns: 50 },
  )
})

test('that are truncated in a file are an error', async () => {
  const whole = Buffer.concat([tarFile('/a', Buffer.alloc(2000, 1)), tarEnd])
  for (const length of [600, 1500]) {
    let failed = false
    await filesOf(whole.subarray(0, length), 100).catch(() => {
      failed = true
    })
    assert.ok(failed, `${length} bytes`)
  }
})

test('whose header is damaged are an error', async () => {
  const archive = Buffer.concat([tarFile('/a', Buffer.from('content')), tarEnd])
  archive.writeUInt8(archive.readUInt8(0) + 1, 0)
  const failure = await filesOf(archive, 100).catch((error: Error) => error.message)
  assert.is(failure, 'the TAR archive is damaged')
})

test.run()
