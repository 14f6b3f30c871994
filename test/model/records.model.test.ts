/**
 * Random operations of several clients at once on a gateway that keeps records, checked against a model of S3's versions:
 * directory markers, writes of the same bytes, and deleted versions among them. Each client has its own keys, so the
 * model of a key is exact, while the clients share commits. MODEL_SEED=n repeats a run; MODEL_OPERATIONS sets how many.
 */
import { randomInt } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { one, type Random, randomFrom } from '../support/random.js'
import { stage } from '../support/test-pfs.js'
import { runModel } from './model-run.js'
import { type BucketRequests, textOf, xmlOf } from './s3-requests.js'

const seed = Number(process.env.MODEL_SEED ?? randomInt(2 ** 31))
const operations = Number(process.env.MODEL_OPERATIONS ?? (stage === 'memory' ? 10_000 : 250))
/** Buckets one after the other, so that histories stay short. */
const buckets = stage === 'memory' ? 20 : 5
const perRound = 4

const clientKeys = [
  ['a', 'a-', 'd/', 'd/1'],
  ['d/2/', 'd/2/3', 'd(x)', 'é'],
  ['a(b)/', 'b//', 'd.e', '%41'],
  ['d/2/4/', 'z', 'z0/', '😀/'],
] as const
const allKeys = clientKeys.flat()
const bodies = ['', '', 'one', 'two', 'three']

interface Version {
  readonly id: string
  /** Undefined for a delete marker. */
  readonly body: string | undefined
}

/** The versions of each key, newest first, and those that were deleted. */
class Model {
  readonly #versions = new Map<string, readonly Version[]>()
  readonly #deleted = new Map<string, readonly Version[]>()

  of(key: string): readonly Version[] {
    return this.#versions.get(key) ?? []
  }

  deletedOf(key: string): readonly Version[] {
    return this.#deleted.get(key) ?? []
  }

  current(key: string): string | undefined {
    return this.of(key)[0]?.body
  }

  put(key: string, version: Version): void {
    this.#versions.set(key, [version, ...this.of(key)])
  }

  /** A delete marker makes a version only behind an object. */
  remove(key: string, id: string): void {
    if (this.current(key) !== undefined) this.put(key, { id, body: undefined })
  }

  deleteVersion(key: string, id: string): void {
    const isNamed = (version: Version): boolean => version.id === id
    this.#deleted.set(key, [...this.deletedOf(key), ...this.of(key).filter(isNamed)])
    this.#versions.set(
      key,
      this.of(key).filter((version) => !isNamed(version)),
    )
  }
}

interface World {
  readonly random: Random
  readonly model: Model
  readonly requests: BucketRequests
  readonly etags: Map<string, string>
}

type Operation = (world: World, keys: readonly string[]) => Promise<string>

const put: Operation = async ({ random, model, requests, etags }, keys) => {
  const key = one(random, keys)
  const body = one(random, bodies)
  const headers = random(4) === 0 ? { 'x-amz-meta-a': body } : undefined
  const answer = await requests.send('PUT', key, { body, ...(headers && { headers }) })
  assert.is(answer.status, 200)
  const etag = answer.header('etag') ?? ''
  assert.is(etag, etags.get(body) ?? etag, 'one body, one ETag')
  etags.set(body, etag)
  model.put(key, { id: answer.header('x-amz-version-id') ?? '', body })
  return `put ${key} ${JSON.stringify(body)}`
}

const copy: Operation = async ({ random, model, requests }, keys) => {
  const [source, key] = [one(random, keys), one(random, keys)]
  const version = one(random, [undefined, ...model.of(source)])
  const body = version === undefined ? model.current(source) : version.body
  const query = version === undefined ? '' : `?versionId=${version.id}`
  const name = `copy ${source}${query} to ${key}`
  if (source === key && version === undefined) return `${name}: of itself`
  const headers = { 'x-amz-copy-source': `model/${encodeURIComponent(source)}${query}` }
  const answer = await requests.send('PUT', key, { headers })
  assert.is(answer.status, body !== undefined ? 200 : version === undefined ? 404 : 400, name)
  if (body !== undefined) model.put(key, { id: answer.header('x-amz-version-id') ?? '', body })
  return name
}

const remove: Operation = async ({ random, model, requests }, keys) => {
  const key = one(random, keys)
  const answer = await requests.send('DELETE', key)
  assert.is(answer.status, 204)
  model.remove(key, answer.header('x-amz-version-id') ?? '')
  return `delete ${key}`
}

const deleteVersion: Operation = async ({ random, model, requests }, keys) => {
  const key = one(random, keys)
  const versions = [...model.of(key), ...model.deletedOf(key)]
  // Mostly the current one.
  const { id } = one(random, [model.of(key)[0], model.of(key)[0], ...versions]) ?? { id: '0'.repeat(32) }
  const isMarker = model.of(key).some((version) => version.id === id && version.body === undefined)
  const answer = await requests.send('DELETE', key, { query: { versionId: id } })
  assert.equal([answer.status, answer.header('x-amz-delete-marker')], [204, isMarker ? 'true' : null])
  model.deleteVersion(key, id)
  return `delete ${key} ${id}`
}

/** Some versions of several keys in one request, and some keys. */
const deleteMany: Operation = async ({ random, model, requests }, keys) => {
  const named = keys.flatMap((key) =>
    model
      .of(key)
      .filter(() => random(2) === 0)
      .map(({ id }) => ({ key, id })),
  )
  const removed = one(random, keys)
  const objects = [
    `<Object><Key>${removed}</Key></Object>`,
    ...named.map(({ key, id }) => `<Object><Key>${key}</Key><VersionId>${id}</VersionId></Object>`),
  ]
  const answer = await requests.send('POST', '', {
    query: { delete: '' },
    body: `<Delete>${objects.join('')}</Delete>`,
  })
  const deleted = xmlOf(answer).children
  assert.equal(
    deleted.map(({ name }) => name),
    objects.map(() => 'Deleted'),
  )
  const marker = deleted.find((each) => textOf(each, 'VersionId') === '')
  model.remove(removed, (marker && textOf(marker, 'DeleteMarkerVersionId')) ?? '')
  for (const { key, id } of named) model.deleteVersion(key, id)
  return `delete ${removed} and ${named.map(({ key, id }) => `${key} ${id}`).join(', ')}`
}

const read: Operation = async ({ random, model, requests, etags }, keys) => {
  const key = one(random, keys)
  const answer = await requests.send(one(random, ['GET', 'HEAD']), key)
  const [current] = model.of(key)
  const name = `read ${key}`
  assert.is(answer.status, current?.body === undefined ? 404 : 200, name)
  if (current?.body !== undefined) {
    assert.equal(
      [answer.header('x-amz-version-id'), answer.header('etag')],
      [current.id, etags.get(current.body)],
      name,
    )
  }
  return name
}

const readVersion: Operation = async ({ random, model, requests }, keys) => {
  const key = one(random, keys)
  const shown = model.of(key).map((version) => ({ ...version, status: version.body === undefined ? 405 : 200 }))
  const hidden = model.deletedOf(key).map((version) => ({ ...version, status: 404 }))
  const version = one(random, [undefined, ...shown, ...hidden])
  if (version === undefined) return 'nothing'
  const answer = await requests.send('GET', key, { query: { versionId: version.id } })
  assert.is(answer.status, version.status, `GET ${key} ${version.id}`)
  if (answer.status === 200) assert.is(answer.text, version.body)
  return `read ${key} ${version.id}`
}

const kinds = [
  put,
  put,
  put,
  put,
  copy,
  remove,
  remove,
  deleteVersion,
  deleteVersion,
  deleteMany,
  read,
  read,
  readVersion,
]

/** Holds both listings against the model, in pages of random length, with and without delimiter. */
async function checkListings({ random, model, requests, etags }: World): Promise<void> {
  const bodyOf = new Map([...etags].map(([body, etag]) => [etag, body]))
  const prefix = one(random, ['', '', 'd', 'd/', 'z'])
  const delimiter = one(random, ['', '/'])
  const limit = one(random, ['1', '3', '1000'])
  const sorted = allKeys
    .filter((key) => key.startsWith(prefix))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const groupOf = (key: string): string | undefined => {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    return end < 0 ? undefined : key.slice(0, end + 1)
  }
  const rowsOf = (rowOf: (key: string) => readonly string[]): readonly string[] => {
    const rows = sorted.flatMap((key) => {
      const own = rowOf(key)
      const group = groupOf(key)
      return group === undefined || own.length === 0 ? own : [group]
    })
    return [...new Set(rows)].sort()
  }
  const context = JSON.stringify({ prefix, delimiter, limit })

  const versions: string[] = []
  for (let marker: Record<string, string> | undefined = {}; marker !== undefined; ) {
    const query = { versions: '', prefix, delimiter, 'max-keys': limit, ...marker }
    const page = xmlOf(await requests.send('GET', '', { query }))
    for (const each of page.children) {
      if (each.name === 'CommonPrefixes') versions.push(textOf(each, 'Prefix'))
      if (each.name !== 'Version' && each.name !== 'DeleteMarker') continue
      const body = each.name === 'Version' ? bodyOf.get(textOf(each, 'ETag')) : undefined
      const latest = textOf(each, 'IsLatest') === 'true' ? '>' : ''
      versions.push(`${textOf(each, 'Key')} ${latest}${textOf(each, 'VersionId')} ${body}`)
    }
    const [key, id] = [textOf(page, 'NextKeyMarker'), textOf(page, 'NextVersionIdMarker')]
    marker = key === '' ? undefined : { 'key-marker': key, ...(id !== '' && { 'version-id-marker': id }) }
  }
  const modelled = rowsOf((key) =>
    model.of(key).map(({ id, body }, age) => `${key} ${age === 0 ? '>' : ''}${id} ${body}`),
  )
  assert.equal(versions.toSorted(), modelled, `versions of ${context}`)

  const objects: string[] = []
  for (let token: string | undefined = ''; token !== undefined; ) {
    const query: Record<string, string> = { 'list-type': '2', prefix, delimiter, 'max-keys': limit }
    if (token !== '') query['continuation-token'] = token
    const page = xmlOf(await requests.send('GET', '', { query }))
    for (const each of page.children) {
      if (each.name === 'CommonPrefixes') objects.push(textOf(each, 'Prefix'))
      if (each.name === 'Contents') objects.push(`${textOf(each, 'Key')} ${bodyOf.get(textOf(each, 'ETag'))}`)
    }
    const next = textOf(page, 'NextContinuationToken')
    token = next === '' ? undefined : next
  }
  const current = rowsOf((key) => (model.current(key) === undefined ? [] : [`${key} ${model.current(key)}`]))
  assert.equal(objects.toSorted(), current, `objects of ${context}`)
}

const versions = suite('versions, markers and deletions checked against a model')

for (let bucket = 0; bucket < buckets; bucket += 1) {
  const name = `bucket ${bucket}, seed ${seed}`
  versions(name, () =>
    runModel(name, async ({ requests, done, askAnother }) => {
      const world: World = { random: randomFrom(seed + bucket), model: new Model(), requests, etags: new Map() }
      for (let count = 0; count < operations / buckets; count += perRound * clientKeys.length) {
        await Promise.all(
          clientKeys.map(async (keys) => {
            for (let step = 0; step < perRound; step += 1) done.push(await one(world.random, kinds)(world, keys))
          }),
        )
        await checkListings(world)
      }
      await askAnother((others) => checkListings({ ...world, requests: others }))
    }),
  )
}

versions.run()
