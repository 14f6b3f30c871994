import { randomUUID } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPachydermClient, type PachydermClient } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'

const markers = suite<{ pfs: PachydermClient }>('delete markers')

markers.before((context) => {
  context.pfs = createPachydermClient(process.env.PACHD ?? '')
})

markers.after(({ pfs }) => pfs.close())

// Reads follow at once, while pachd still finishes the commits, in which state FindCommits would fail.
markers(
  'are reported by the gateway that made them and by any other, even after a second deletion',
  async ({ pfs }) => {
    const repo = { project: 'default', name: `markers-${randomUUID()}`, type: 'user' } as const
    await pfs.createRepo({ repo })
    await pfs.createBranch({ branch: { repo, name: 'master' } })
    const gateways = [await startGateway({ pfs }), await startGateway({ pfs })]
    const ask = async (gateway: (typeof gateways)[number] | undefined, method: string) => {
      const { status, headers } = await fetch(`${gateway?.endpoint}/${repo.name}/k`, { method })
      return [status, headers.get('x-amz-delete-marker'), headers.get('x-amz-version-id')]
    }
    const [own, other] = gateways
    try {
      await ask(own, 'PUT')
      const [, , marker] = await ask(own, 'DELETE')
      for (let deletions = 1; deletions <= 3; deletions++) {
        for (const gateway of [own, other])
          assert.equal(await ask(gateway, 'GET'), [404, 'true', marker], `${deletions}`)
        await ask(own, 'DELETE')
      }
      assert.equal((await ask(own, 'PUT'))[0], 200)
      const [, , next] = await ask(other, 'DELETE')
      for (const gateway of gateways) assert.equal(await ask(gateway, 'HEAD'), [404, 'true', next])
    } finally {
      for (const gateway of gateways) await gateway.close()
      await pfs.deleteRepo({ repo, force: true })
    }
  },
)

markers.run()
