/**
 * Random operations of one client while another opens and closes commits of the branch, checked against a model. The same
 * object may be written, tagged and deleted several times in a commit. MODEL_SEED=n repeats a run; MODEL_OPERATIONS sets how
 * many.
 */
import { randomInt } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Commit } from '../../lib/index.js'
import type { Gateway } from '../support/gateway.js'
import { one, type Random, randomFrom } from '../support/random.js'
import { stage } from '../support/test-pfs.js'
import { branch, repo, runModel } from './model-run.js'
import { type BucketRequests, textOf, xmlOf } from './s3-requests.js'

const seed = Number(process.env.MODEL_SEED ?? randomInt(2 ** 31))
const operations = Number(process.env.MODEL_OPERATIONS ?? (stage === 'memory' ? 1_000 : 60))
/** Buckets one after the other, so that histories stay short. */
const buckets = stage === 'memory' ? 10 : 1
const keys = ['a', 'd/1', 'd/2']
const bodies = ['', 'one', 'two']
const texts = ['', '', 'x', 'y']

interface ObjectState {
  readonly body: string
  readonly metadata: string
  readonly tags: string
  /** The commit of the last write. */
  readonly versionId: string
}

/** The bucket after a commit. */
interface CommitState {
  readonly id: string
  /** Whether another client opened it. */
  readonly isForeign: boolean
  readonly objects: Map<string, ObjectState>
  /** The keys that were written or deleted in it. */
  readonly changed: Set<string>
}

/** The commits of a branch, oldest first. */
class Model {
  readonly commits: CommitState[] = []
  open: Commit | undefined

  get head(): CommitState {
    return this.commits.at(-1) ?? { id: '', isForeign: false, objects: new Map(), changed: new Set() }
  }

  add(id: string, isForeign: boolean): void {
    this.commits.push({ id, isForeign, objects: new Map(this.head.objects), changed: new Set() })
  }

  /** The commit of a write that was answered. */
  commitOf(id: string): CommitState {
    if (this.open === undefined) this.add(id, false)
    assert.is(id, this.head.id, 'a write went into the open commit')
    return this.head
  }

  /** The rows of ListObjectVersions, in any order. */
  versions(): readonly string[] {
    return this.commits.flatMap(({ id, isForeign, objects, changed }, index) => {
      const before = this.commits[index - 1]?.objects
      return [...changed].flatMap((key) => {
        const [from, to] = [before?.get(key)?.body, objects.get(key)?.body]
        // Only a record tells of a write of the same bytes, and of an open commit it does not.
        const isVersion = from !== to || (!isForeign && to !== undefined)
        return isVersion ? [`${key} ${id} ${to ?? 'deleted'}`] : []
      })
    })
  }
}

interface World {
  readonly random: Random
  readonly model: Model
  readonly requests: BucketRequests
  readonly gateway: Gateway
  readonly etags: Map<string, string>
}

type Operation = (world: World) => Promise<string>

const openCommit: Operation = async ({ model, gateway: { pfs } }) => {
  if (model.open !== undefined) return 'nothing'
  // pachd does not read an open commit above one that is not finished.
  await pfs.inspectCommit({ commit: { repo, branch: branch.name }, wait: 'FINISHED' })
  model.open = await pfs.startCommit({ branch })
  model.add(model.open.id ?? '', true)
  return `open ${model.open.id}`
}

const closeCommit: Operation = async ({ model, gateway: { pfs } }) => {
  if (model.open === undefined) return 'nothing'
  await pfs.finishCommit({ commit: model.open })
  model.open = undefined
  return 'close'
}

const put: Operation = async ({ random, model, requests, etags }) => {
  const [key, body, metadata, tags] = [one(random, keys), one(random, bodies), one(random, texts), one(random, texts)]
  const headers = {
    ...(metadata !== '' && { 'x-amz-meta-text': metadata }),
    ...(tags !== '' && { 'x-amz-tagging': `tag=${tags}` }),
  }
  const answer = await requests.send('PUT', key, { body, headers })
  const name = `put ${key} ${JSON.stringify({ body, metadata, tags })}`
  assert.is(answer.status, 200, name)
  etags.set(body, answer.header('etag') ?? '')
  const versionId = answer.header('x-amz-version-id') ?? ''
  const { objects, changed } = model.commitOf(versionId)
  objects.set(key, { body, metadata, tags, versionId })
  changed.add(key)
  return name
}

const remove: Operation = async ({ random, model, requests }) => {
  const key = one(random, keys)
  const answer = await requests.send('DELETE', key)
  assert.is(answer.status, 204)
  const { objects, changed } = model.commitOf(answer.header('x-amz-version-id') ?? '')
  objects.delete(key)
  changed.add(key)
  return `delete ${key}`
}

/** Sets the tags of an object in the version that wrote it, so also in later commits. */
const setTags: Operation = async ({ random, model, requests }) => {
  const [key, tags] = [one(random, keys), one(random, texts)]
  const tag = tags === '' ? '' : `<Tag><Key>tag</Key><Value>${tags}</Value></Tag>`
  const body = `<Tagging><TagSet>${tag}</TagSet></Tagging>`
  const answer = await requests.send('PUT', key, { query: { tagging: '' }, body })
  const object = model.head.objects.get(key)
  assert.is(answer.status, object === undefined ? 404 : 200)
  for (const { objects } of model.commits) {
    const there = objects.get(key)
    if (object !== undefined && there?.versionId === object.versionId) objects.set(key, { ...there, tags })
  }
  return `tag ${key} ${tags}`
}

/** Holds an object against the model, at the head or in a commit. */
const read: Operation = async (world) => {
  const { random, model } = world
  await checkObject(world, one(random, keys), one(random, [undefined, ...model.commits]))
  return 'read'
}

async function checkObject(world: World, key: string, commit: CommitState | undefined): Promise<void> {
  const { model, requests, etags, gateway } = world
  const expected = (commit ?? model.head).objects.get(key)
  const query = commit === undefined ? {} : { versionId: commit.id }
  const name = `${key} ${JSON.stringify(query)}`
  const answer = await requests.send('GET', key, { query })
  assert.is(answer.status === 200, expected !== undefined, `${name} has status ${answer.status}`)
  if (expected === undefined) return
  assert.equal(
    [answer.text, answer.header('etag'), answer.header('x-amz-meta-text') ?? '', answer.header('x-amz-version-id')],
    [expected.body, etags.get(expected.body), expected.metadata, commit?.id ?? expected.versionId],
    name,
  )
  const tagging = xmlOf(await requests.send('GET', key, { query: { ...query, tagging: '' } }))
  const tags = tagging.children[0]?.children.map((each) => textOf(each, 'Value')).join() ?? ''
  assert.is(tags, expected.tags, `tags of ${name}`)
  const { started, finishing } = await gateway.pfs.inspectCommit({ commit: { repo, id: expected.versionId } })
  const seconds = Math.floor((finishing ?? started ?? new Date(0)).getTime() / 1000)
  assert.is(Date.parse(answer.header('last-modified') ?? '') / 1000, seconds, `time of ${name}`)
}

async function checkVersions({ model, requests, etags }: World): Promise<void> {
  const bodyOf = new Map([...etags].map(([body, etag]) => [etag, body]))
  const rows = xmlOf(await requests.send('GET', '', { query: { versions: '' } })).children.flatMap((each) => {
    if (each.name !== 'Version' && each.name !== 'DeleteMarker') return []
    const content = each.name === 'Version' ? bodyOf.get(textOf(each, 'ETag')) : 'deleted'
    return [`${textOf(each, 'Key')} ${textOf(each, 'VersionId')} ${content}`]
  })
  assert.equal(rows.toSorted(), model.versions().toSorted())
}

const kinds = [openCommit, openCommit, closeCommit, put, put, put, put, put, remove, setTags, setTags, read, read, read]

const commits = suite('writes to commits that another client opens, checked against a model')

for (let bucket = 0; bucket < buckets; bucket += 1) {
  const name = `bucket ${bucket}, seed ${seed}`
  commits(name, () =>
    runModel(name, async ({ gateway, requests, done, askAnother }) => {
      const world: World = {
        random: randomFrom(seed + bucket),
        model: new Model(),
        requests,
        gateway,
        etags: new Map(),
      }
      for (let count = 0; count < operations / buckets; count += 1) done.push(await one(world.random, kinds)(world))
      await closeCommit(world)
      const checkAll = async (asked: World): Promise<void> => {
        await checkVersions(asked)
        for (const key of keys)
          for (const commit of [undefined, ...world.model.commits]) await checkObject(asked, key, commit)
      }
      await gateway.flush()
      await checkAll(world)
      await askAnother((others) => checkAll({ ...world, requests: others }))
    }),
  )
}

commits.run()
