import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { branch, bucket } from './support/branch.js'
import { type Rig, startRig } from './support/rig.js'

/** Parts that are copied from a commit that its holder still writes to. */
const test = suite<{ rig: Rig }>('sources in an open commit')

const before = Buffer.alloc(3_000_000, 'before ')
const after = Buffer.alloc(2_000_000, 'after ')
const source = { repo: branch.repo, branch: 'held' }

async function write(rig: Rig, raw: Uint8Array | undefined): Promise<void> {
  await rig.truth.modifyFile(source, [
    { deleteFile: { path: '/source' } },
    ...(raw === undefined ? [] : [{ addFile: { path: '/source', raw } }]),
  ])
}

for (const objectRecords of ['off', 'all'] as const) {
  for (const [change, content] of [
    ['replaced', after],
    ['removed', undefined],
  ] as const) {
    for (const range of [undefined, 'bytes=1000000-2999999']) {
      const name = `${range === undefined ? 'the whole' : 'a range'} of a file that is ${change} meanwhile, with records ${objectRecords}`
      test(name, async () => {
        const rig = await startRig({ options: { objectRecords } })
        try {
          await rig.truth.startCommit({ branch: { repo: branch.repo, name: 'held' } })
          await write(rig, before)
          const begun = await ask(rig.port, 'POST', `/${bucket}/k?uploads`, undefined, {
            'x-amz-checksum-algorithm': 'CRC32',
          })
          const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(begun.body.toString())?.[1] ?? ''
          let isChanged = false
          const changeOnce = async (): Promise<void> => {
            if (isChanged) return
            isChanged = true
            await write(rig, content)
          }
          rig.pfs.faults = {
            async *getFile(request, options) {
              // The bytes are read for their checksum.
              await changeOnce()
              yield* rig.truth.getFile(request, options)
            },
          }
          const copied = await ask(rig.port, 'PUT', `/${bucket}/k?partNumber=1&uploadId=${uploadId}`, undefined, {
            'x-amz-copy-source': `/held.data/source`,
            ...(range !== undefined && { 'x-amz-copy-source-range': range }),
          })
          rig.pfs.faults = {}
          assert.ok(isChanged)
          const text = copied.body.toString()
          // A late answer has begun with 200 when the copy fails.
          if (copied.status !== 200 || text.includes('<Error>')) return
          const [etag = '', sum = ''] = ['ETag', 'ChecksumCRC32'].map(
            (element) => new RegExp(`<${element}>(.+)</${element}>`).exec(text)?.[1] ?? '',
          )
          const document = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag><ChecksumCRC32>${sum}</ChecksumCRC32></Part></CompleteMultipartUpload>`
          const done = await ask(rig.port, 'POST', `/${bucket}/k?uploadId=${uploadId}`, document)
          assert.equal([done.status, done.code, /<Error>/.test(done.body.toString())], [200, '', false])
          const { body } = await ask(rig.port, 'GET', `/${bucket}/k`)
          const expected = range === undefined ? before : before.subarray(1_000_000)
          assert.ok(body.equals(expected), `${body.length} bytes`)
          const bytes = Buffer.alloc(4)
          bytes.writeUInt32BE(crc32(body))
          assert.is(sum, bytes.toString('base64'))
          if (objectRecords === 'all') assert.match(etag, createHash('md5').update(body).digest('hex'))
        } finally {
          await rig.close()
        }
      })
    }
  }
}

test.run()
