import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../../lib/index.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createMemoryPfs } from '../../../lib/testing/index.js'
import { startGateway } from '../../support/gateway.js'
import { s3Client } from '../../support/s3-client.js'
import { Bucket, begin, complete, partBytes, read, sendPart } from './uploads.js'

const staged = suite('parts stored by this gateway')

/** Two gateways over one PFS, whose file sets are counted, and dropped on demand. */
async function openGateways() {
  const pfs = createMemoryPfs()
  const state = { fileSets: 0, areDropped: false }
  const counting: PachydermApi = {
    ...pfs,
    createFileSet(operations, options) {
      state.fileSets += 1
      return pfs.createFileSet(operations, options)
    },
    async composeFileSet(request, options) {
      if (state.areDropped) {
        state.areDropped = false
        throw new PfsError('UNKNOWN', 'file set does not exist')
      }
      return pfs.composeFileSet(request, options)
    },
  }
  const gateways = [await startGateway({ pfs: counting }), await startGateway({ pfs: counting })] as const
  const clients = [s3Client(gateways[0]), s3Client(gateways[1])] as const
  await clients[0].send(new CreateBucketCommand({ Bucket }))
  const close = async (): Promise<void> => {
    for (const client of clients) client.destroy()
    for (const gateway of gateways) await gateway.close()
  }
  return { state, clients, close }
}

const large = Buffer.alloc(partBytes, 'a')

/** The file sets that PFS makes to complete an upload of two parts; `areDropped` if it has dropped those of the parts. */
async function fileSetsToComplete(areDropped: boolean): Promise<number> {
  const { state, clients, close } = await openGateways()
  const [s3] = clients
  try {
    const upload = await begin(s3, 'key')
    const parts = [await sendPart(s3, upload, 1, large), await sendPart(s3, upload, 2, 'end')]
    Object.assign(state, { fileSets: 0, areDropped })
    await complete(s3, upload, parts)
    assert.ok((await read(s3, 'key')).equals(Buffer.concat([large, Buffer.from('end')])))
    return state.fileSets
  } finally {
    await close()
  }
}

staged('are joined without a copy of each', async () => {
  assert.is(await fileSetsToComplete(false), 1)
})

staged('are copied from the branch if PFS has dropped their file sets', async () => {
  assert.is(await fileSetsToComplete(true), 3)
})

staged('are not used if another gateway has replaced them since', async () => {
  const { clients, close } = await openGateways()
  const [s3, other] = clients
  try {
    const upload = await begin(s3, 'key')
    const first = await sendPart(s3, upload, 1, large)
    await sendPart(s3, upload, 2, 'old')
    const second = await sendPart(other, upload, 2, 'new')
    await complete(s3, upload, [first, second])
    assert.ok((await read(s3, 'key')).equals(Buffer.concat([large, Buffer.from('new')])))
  } finally {
    await close()
  }
})

staged.run()
