/**
 * Random operations from several concurrent clients, compared with a simple model of a versioned bucket. The order of
 * commits in PFS defines the order of the writes; every response must be correct at some time during its request.
 * `MODEL_SEED=n` repeats a run; MODEL_OPERATIONS sets how many.
 */
import { randomInt } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PfsClient, Repo } from '../../lib/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { type Random, randomFrom } from '../support/random.js'
import { stage } from '../support/test-pfs.js'
import { AttributesModel } from './attributes.js'
import { BranchModel, type Changes } from './branch-model.js'
import { randomOperation } from './operations.js'
import { bucketRequests } from './s3-requests.js'
import type { Outcome, World } from './world.js'

const seed = Number(process.env.MODEL_SEED ?? randomInt(2 ** 31))
const operations = Number(process.env.MODEL_OPERATIONS ?? (stage === 'memory' ? 10_000 : 1_000))
const clients = 8
/** Buckets one after the other, so that histories stay short. */
const buckets = stage === 'memory' ? 20 : 5

const repo: Repo = { project: 'default', name: 'model', type: 'user' }
const versions = suite<{ gateway: Gateway }>('versions compared with a model')

async function commitsSince(pfs: PfsClient, lastId: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { commit } of pfs.listCommit({ repo, to: { repo, branch: 'master' } })) {
    if (commit.id === lastId) return ids.reverse()
    ids.push(commit.id ?? '')
  }
  throw new Error(`${lastId} is no longer in the history`)
}

/** Adds new commits to the model; each commit must belong to a confirmed write. */
function catchUp(model: BranchModel, ids: readonly string[], outcomes: readonly Outcome[]): void {
  const writes = outcomes.flatMap(({ write }) => write ?? [])
  for (const { id } of writes) assert.ok(ids.includes(id), `${id} was answered and is no new commit`)
  for (const id of ids) {
    const changes = new Map<string, string | undefined>()
    for (const write of writes.filter((each) => each.id === id)) {
      for (const [key, body] of write.changes(model) satisfies Changes) {
        assert.not.ok(changes.has(key), `${key} was changed twice in ${id}`)
        changes.set(key, body)
      }
    }
    assert.ok(changes.size > 0, `commit ${id} is of no write that was answered`)
    model.add(id, changes)
  }
}

async function createWorld(gateway: Gateway, random: Random): Promise<World> {
  const { pfs } = gateway
  await pfs.createRepo({ repo })
  for (const name of ['master', 'other']) await pfs.createBranch({ branch: { repo, name } })
  const files = ['/a', '/z', '/d/1'].map((path) => ({ addFile: { path, raw: Buffer.from('of another branch') } }))
  await pfs.modifyFile({ repo, branch: 'other' }, files)
  const idOf = async (name: string) => (await pfs.inspectBranch({ repo, name })).head?.id ?? ''
  const [firstId, foreignId] = await Promise.all(['master', 'other'].map(idOf))
  const model = new BranchModel(firstId ?? '')
  const requests = bucketRequests(gateway.endpoint, 'model')
  const attributes = new AttributesModel()
  return { random, model, attributes, requests, etags: new Map(), foreignId: foreignId ?? '' }
}

for (let bucket = 0; bucket < buckets; bucket += 1) {
  versions(`bucket ${bucket}, seed ${seed}`, async () => {
    const gateway = await startGateway()
    try {
      const world = await createWorld(gateway, randomFrom(seed + bucket))
      const { model } = world
      for (let done = 0; done < operations / buckets; done += clients) {
        const round = Array.from({ length: clients }, () => randomOperation(world))
        const from = model.head
        const outcomes = await Promise.all(round.map((operation) => operation.run()))
        const names = round.map(({ name }) => name).join('\n')
        const context = (error: unknown) => new Error(`seed ${seed}, bucket ${bucket}, in\n${names}`, { cause: error })
        try {
          catchUp(model, await commitsSince(gateway.pfs, model.ids[from] ?? ''), outcomes)
          world.attributes.addRound(
            outcomes.flatMap(({ attributes }) => attributes?.(model, { from, to: model.head }) ?? []),
          )
        } catch (error) {
          throw context(error)
        }
        for (const [index, outcome] of outcomes.entries()) {
          try {
            outcome.verify(model, { from, to: model.head })
          } catch (error) {
            throw new Error(`${round[index]?.name} went wrong: ${(error as Error).message}`, { cause: context(error) })
          }
        }
      }
      assert.ok(model.head > 10, 'too few commits to show anything')
    } finally {
      await gateway.close()
    }
  })
}

versions.run()
