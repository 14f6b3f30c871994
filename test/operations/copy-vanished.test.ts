import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRepoAndBranch } from '../support/branch.js'
import { startGateway } from '../support/gateway.js'

const copies = suite('a copy whose source is in an open commit')

copies('keeps its target if the source vanishes between look-up and commit', async () => {
  const outer = await startGateway()
  const { pfs } = outer
  const repo = { project: 'default', name: 'vanishing', type: 'user' } as const
  await createRepoAndBranch(pfs, { repo, name: 'master' })
  await pfs.createBranch({ branch: { repo, name: 'open' } })
  await pfs.modifyFile({ repo, branch: 'master' }, [{ addFile: { path: '/target', raw: Buffer.from('old') } }])
  const commit = await pfs.startCommit({ branch: { repo, name: 'open' } })
  await pfs.modifyFile(commit, [{ addFile: { path: '/source', raw: Buffer.from('new') } }])
  let vanishes = false
  const vanish = async (): Promise<void> => {
    if (vanishes) await pfs.modifyFile(commit, [{ deleteFile: { path: '/source' } }])
  }
  const gateway = await startGateway({
    pfs: {
      ...pfs,
      createFileSet: (...args) => vanish().then(() => pfs.createFileSet(...args)),
      modifyFile: (...args) => vanish().then(() => pfs.modifyFile(...args)),
    },
  })
  try {
    const copy = (target: string) =>
      fetch(`${gateway.endpoint}/vanishing/${target}`, {
        method: 'PUT',
        headers: { 'x-amz-copy-source': '/open.vanishing/source' },
      })
    assert.is((await copy('first')).status, 200)
    assert.is(await (await fetch(`${gateway.endpoint}/vanishing/first`)).text(), 'new')
    vanishes = true
    assert.is((await copy('target')).status, 404)
    assert.is(await (await fetch(`${gateway.endpoint}/vanishing/target`)).text(), 'old')
  } finally {
    await gateway.close()
    await outer.close()
  }
})

copies.run()
