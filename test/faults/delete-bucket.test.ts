import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { bucket } from './support/branch.js'
import { startRig } from './support/rig.js'

const deletion = suite('a bucket is deleted while others write')

for (const isLast of [true, false]) {
  deletion(
    `to it: confirmed writes are stored, if it is ${isLast ? 'the last' : 'not the last'} branch of its repo`,
    async () => {
      const rig = await startRig({ memory: { commitMilliseconds: 2, finishMilliseconds: 10 } })
      for (let round = 0; round < 15; round += 1) {
        assert.is((await ask(rig.port, 'PUT', `/${bucket}`)).status, 200)
        if (!isLast) assert.is((await ask(rig.port, 'PUT', `/other.data`)).status, 200)
        assert.is((await ask(rig.port, 'PUT', `/${bucket}/key`, 'first')).status, 200)
        assert.is((await ask(rig.port, 'DELETE', `/${bucket}/key`)).status, 204)
        const begun = rig.pfs.begun('listFile')
        const deleted = ask(rig.port, 'DELETE', `/${bucket}`)
        if (round % 2 === 0) await begun
        const written = ask(rig.port, 'PUT', `/${bucket}/new`, round % 3 === 0 ? Buffer.alloc(2_000_000) : 'new')
        const statuses = [(await deleted).status, (await written).status]
        const got = await ask(rig.port, 'GET', `/${bucket}/new`)
        if (statuses[0] === 204) assert.equal([...statuses, got.status], [204, 404, 404])
        else assert.equal([...statuses, got.status], [409, 200, 200])
        if (statuses[0] !== 204) assert.is((await ask(rig.port, 'DELETE', `/${bucket}/new`)).status, 204)
      }
      await rig.idle()
      await rig.close()
    },
  )
}

deletion('while another bucket of its repo is created: a client that created it finds it', async () => {
  const rig = await startRig()
  for (let round = 0; round < 15; round += 1) {
    await ask(rig.port, 'PUT', `/${bucket}`)
    const begun = rig.pfs.begun('listBranch')
    const deleted = ask(rig.port, 'DELETE', `/${bucket}`)
    if (round % 2 === 0) await begun
    const made = ask(rig.port, 'PUT', '/dev.data')
    assert.equal([(await deleted).status, (await made).status], [204, 200])
    assert.is((await ask(rig.port, 'PUT', '/dev.data/key', 'x')).status, 200)
    assert.is((await ask(rig.port, 'DELETE', '/dev.data/key')).status, 204)
    assert.is((await ask(rig.port, 'DELETE', '/dev.data')).status, 204)
  }
  await rig.idle()
  await rig.close()
})

deletion.run()
