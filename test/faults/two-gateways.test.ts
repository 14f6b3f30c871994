import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { bucket, commits, holds, repos } from './support/branch.js'
import { type Rig, startRig } from './support/rig.js'

const keys = Array.from({ length: 5 }, (_, index) => `key-${index}`)
const writesEach = 12

/** A write that was answered. */
interface Acknowledged {
  readonly key: string
  readonly content: string
  readonly versionId: string
}

const gateways = suite('two gateways on one PFS')

/*
 * PFS does not return the id of the commit that a ModifyFile made. If the other gateway has committed in between, the
 * commit is found by its content. Invariants:
 * - The object at the version of a PUT's response is the one that was put.
 * - Every version that was put is in the history.
 */
gateways('every confirmed write is in the history, and its version contains it', async () => {
  const truth = createMemoryPfs({ repos, commitMilliseconds: 1 })
  const rigs = [await startRig({ truth }), await startRig({ truth })]
  const acknowledged = (await Promise.all(rigs.map((rig, index) => writeAll(rig, `gateway ${index}`)))).flat()
  assert.is(acknowledged.length, rigs.length * keys.length * writesEach)

  const history = await commits(truth)
  for (const key of keys) {
    const versions = await versionsOf(rigs[0]?.port ?? 0, key, history)
    for (const { content, versionId } of acknowledged.filter((write) => write.key === key)) {
      const made = versions.findIndex((version) => version.content === content)
      const told = versions.findIndex(({ ids }) => ids.includes(versionId))
      assert.ok(made >= 0, `${content} is in the history`)
      // The newest version is the first.
      assert.is(told, made, `${content} is answered with a version that holds it`)
    }
    assert.is(versions.length, rigs.length * writesEach, 'no write is there twice, and none that was not put')
  }
  assert.equal([...(await holds(truth)).keys()], keys)
  for (const rig of rigs) {
    await rig.idle()
    await rig.close()
  }
})

async function writeAll(rig: Rig, name: string): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  await Promise.all(
    keys.map(async (key) => {
      for (let count = 0; count < writesEach; count++) {
        const content = `${name}: ${key} ${count}`
        const { status, headers } = await ask(rig.port, 'PUT', `/${bucket}/${key}`, content)
        assert.is(status, 200)
        acknowledged.push({ key, content, versionId: String(headers['x-amz-version-id']) })
      }
    }),
  )
  return acknowledged
}

/** The contents of the key, newest first, each with the commits at which it had that content. */
async function versionsOf(port: number, key: string, history: readonly string[]) {
  const versions: { content: string; ids: string[] }[] = []
  for (const id of history) {
    const { status, body } = await ask(port, 'GET', `/${bucket}/${key}?versionId=${id}`)
    if (status !== 200) continue
    const content = body.toString()
    const last = versions.at(-1)
    if (last?.content === content) last.ids.push(id)
    else versions.push({ content, ids: [id] })
  }
  return versions
}

gateways(
  'one deletes the key that the other writes: each gets a response, and the branch has one of the two results',
  async () => {
    const truth = createMemoryPfs({ repos, commitMilliseconds: 1 })
    const [writer, remover] = [await startRig({ truth }), await startRig({ truth })]
    const bytes = Buffer.alloc(2_000_000, 'a')
    for (const content of ['small', bytes]) {
      for (let round = 0; round < 20; round++) {
        const [put, removed] = await Promise.all([
          ask(writer.port, 'PUT', `/${bucket}/key`, content),
          ask(remover.port, 'DELETE', `/${bucket}/key`),
        ])
        assert.equal([put.status, removed.status], [200, 204], `${round}: ${put.code}`)
        assert.ok((await holds(truth)).size <= 1)
      }
    }
    for (const rig of [writer, remover]) {
      await rig.idle()
      await rig.close()
    }
  },
)

gateways('an object that is deleted before its ETag is known gets the version that contained it', async () => {
  const rig = await startRig({ options: { maxSharedBodyBytes: 0 } })
  for (const send of [
    () => ask(rig.port, 'PUT', `/${bucket}/key`, 'content'),
    () => ask(rig.port, 'PUT', `/${bucket}/key`, '', { 'x-amz-copy-source': `/${bucket}/source` }),
  ]) {
    assert.is((await ask(rig.port, 'PUT', `/${bucket}/source`, 'content')).status, 200)
    rig.pfs.faults = {
      async modifyFile(commit, operations, options) {
        await rig.truth.modifyFile(commit, operations, options)
        await rig.truth.modifyFile(commit, [{ deleteFile: { path: '/key' } }])
      },
    }
    const { status, code } = await send()
    assert.equal([status, code], [200, ''])
    rig.pfs.faults = {}
    assert.is((await send()).status, 200)
  }
  await rig.idle()
  await rig.close()
})

gateways.run()
