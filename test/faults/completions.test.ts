import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'

import { type Answer, ask } from '../support/ask.js'
import { startGateway } from '../support/gateway.js'
import { branch, bucket, commits } from './support/branch.js'

import { type Rig, startRig } from './support/rig.js'

const completions = suite<{ rig: Rig; target: string; document: string }>('completions without a response')

completions.before.each(async (context) => {
  context.rig = await startRig()
  const { port } = context.rig
  const created = await ask(port, 'POST', `/${bucket}/k?uploads`)
  const uploadId = /<UploadId>(.+)<\/UploadId>/.exec(created.body.toString())?.[1] ?? ''
  const { headers } = await ask(port, 'PUT', `/${bucket}/k?partNumber=1&uploadId=${uploadId}`, 'part')
  context.target = `/${bucket}/k?uploadId=${uploadId}`
  context.document = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${headers.etag}</ETag></Part></CompleteMultipartUpload>`
})

completions.after.each(async ({ rig }) => {
  await rig.idle()
  await rig.close()
})

for (const how of ['the client leaves', 'PFS fails once'] as const) {
  completions(`can be repeated, even with a condition: ${how}`, async ({ rig, target, document }) => {
    const leaving = new AbortController()
    rig.pfs.faults = {
      async modifyFile(commit, operations, options) {
        await rig.truth.modifyFile(commit, operations, options)
        if (commit.repo.type !== 'user') return
        if (how === 'the client leaves') leaving.abort()
        else {
          // biome-ignore lint/correctness/useYield: it fails at its first step.
          rig.pfs.faults.globFile = async function* () {
            delete rig.pfs.faults.globFile
            throw new Error('away')
          }
        }
      },
    }
    const post = (signal?: AbortSignal) =>
      fetch(`http://127.0.0.1:${rig.port}${target}`, {
        method: 'POST',
        body: document,
        headers: { 'if-none-match': '*', connection: 'close' },
        ...(signal && { signal }),
      })
    await post(leaving.signal).then(
      (answer) => answer.text(),
      () => undefined,
    )
    const again = await post()
    assert.equal([again.status, /<Code>/.test(await again.text())], [200, false])
  })
}

completions(
  'an upload whose completion record could not be written is still there',
  async ({ rig, target, document }) => {
    rig.pfs.faults = {
      async *globFile(request, options) {
        if (request.pattern.startsWith('/completed')) throw new PfsError('INTERNAL', 'the database is away')
        yield* rig.truth.globFile(request, options)
      },
    }
    const first = await ask(rig.port, 'POST', target, document)
    rig.pfs.faults = {}
    const again = await ask(rig.port, 'POST', target, document)
    assert.equal([first.status, again.status, again.code], [200, 200, ''])
  },
)

completions(
  'a condition is checked even if the commit at the start of the upload was deleted',
  async ({ rig, target, document }) => {
    const began = await rig.truth.inspectCommit({ commit: { repo: branch.repo, branch: branch.name } })
    assert.is((await ask(rig.port, 'PUT', `/${bucket}/k`, 'other')).status, 200)
    rig.pfs.faults = {
      async inspectFile(file, options) {
        const { id } = file.commit
        if (id === began.commit.id) throw new PfsError('NOT_FOUND', `commit default/data@${id} not found`)
        return rig.truth.inspectFile(file, options)
      },
    }
    const answer = await ask(rig.port, 'POST', target, document, { 'if-none-match': '*' })
    assert.equal([answer.status, answer.code], [412, 'PreconditionFailed'])
  },
)

completions(
  'an upload that another replica completes concurrently is not completed twice',
  async ({ rig, target, document }) => {
    const replica = await startGateway({ pfs: rig.truth })
    const before = (await commits(rig.truth)).length
    let completed: Answer | undefined
    rig.pfs.faults = {
      async createFileSet(operations, options) {
        // The parts are joined here when the other replica begins and ends.
        completed ??= await ask(replica.port, 'POST', target, document)
        return rig.truth.createFileSet(operations, options)
      },
    }
    const second = await ask(rig.port, 'POST', target, document)
    await replica.close()
    assert.equal([completed?.status, second.status, second.code], [200, 200, ''])
    assert.is(second.headers['x-amz-version-id'], completed?.headers['x-amz-version-id'])
    assert.is((await commits(rig.truth)).length, before + 1)
  },
)

completions.run()
