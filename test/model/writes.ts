import * as assert from 'uvu/assert'
import { one } from '../support/random.js'
import { type Attributes, versionsSeen } from './attributes.js'
import type { BranchModel, Changes } from './branch-model.js'
import { type Answer, textOf, xmlOf } from './s3-requests.js'
import { assertSometime, bodies, keys, type Operation, type Span, texts, type World } from './world.js'

/** The header of a condition by chance, often one that holds. */
function condition({ random, model, etags }: World, key: string): Readonly<Record<string, string>> {
  const current = etags.get(model.at(model.head).get(key) ?? '')
  const stale = one(random, [...etags.values(), '"0"'])
  return one(random, [{}, {}, { 'if-none-match': '*' }, { 'if-match': current ?? stale }, { 'if-match': stale }])
}

/** Holds the outcome of a conditional write against the model. */
function verifyCondition(
  { etags }: World,
  model: BranchModel,
  span: Span,
  write: { key: string; headers: Readonly<Record<string, string>>; answer: Answer; index: number | undefined },
): void {
  const { key, headers, answer, index } = write
  const ifMatch = headers['if-match']
  const holds = (head: number): boolean => {
    const body = model.at(head).get(key)
    if (ifMatch !== undefined) return body !== undefined && etags.get(body) === ifMatch
    return headers['if-none-match'] === undefined || body === undefined
  }
  if (index !== undefined) {
    assert.ok(holds(index - 1), 'a write was made against its condition')
    return
  }
  assert.ok(answer.status === 412 || (answer.status === 404 && ifMatch !== undefined), `status ${answer.status}`)
  assertSometime(span, (head) => !holds(head), 'the condition failed')
  if (answer.status === 404) assertSometime(span, (head) => !model.at(head).has(key), 'the key was not there')
}

export function put(world: World): Operation {
  const { random, requests, etags } = world
  const key = one(random, keys)
  const body = one(random, bodies)
  const set = { metadata: one(random, texts), tags: one(random, texts) }
  const headers = { ...condition(world, key), ...attributeHeaders(set) }
  return {
    name: `put ${key} ${JSON.stringify(body)} ${JSON.stringify(headers)}`,
    async run() {
      const answer = await requests.send('PUT', key, { headers, body })
      const id = answer.header('x-amz-version-id')
      const etag = answer.header('etag')
      const isMade = answer.status === 200
      if (isMade) assert.is(etag, etags.get(body) ?? etag, 'one body, one ETag')
      if (isMade && etag !== null) etags.set(body, etag)
      return {
        ...(isMade && id !== null && { write: { id, changes: () => new Map([[key, body]]) } }),
        attributes: () => (isMade && id !== null ? [{ key, id, set }] : []),
        verify: (model, span) =>
          verifyCondition(world, model, span, { key, headers, answer, index: isMade ? model.indexOf(id) : undefined }),
      }
    },
  }
}

function attributeHeaders({ metadata, tags }: Attributes): Readonly<Record<string, string>> {
  return {
    ...(metadata !== '' && { 'x-amz-meta-text': metadata }),
    ...(tags !== '' && { 'x-amz-tagging': `tag=${tags}` }),
  }
}

export function setTags({ random, requests }: World): Operation {
  const key = one(random, keys)
  const tags = one(random, texts)
  const tag = tags === '' ? '' : `<Tag><Key>tag</Key><Value>${tags}</Value></Tag>`
  return {
    name: `tag ${key} ${tags}`,
    async run() {
      const body = `<Tagging><TagSet>${tag}</TagSet></Tagging>`
      const answer =
        tags === '' && random(2) === 0
          ? await requests.send('DELETE', key, { query: { tagging: '' } })
          : await requests.send('PUT', key, { query: { tagging: '' }, body })
      const id = answer.header('x-amz-version-id')
      const isMade = answer.status === 200 || answer.status === 204
      return {
        attributes: (model, span) =>
          isMade ? versionsSeen(model, span, key, id).map((version) => ({ ...version, set: { tags } })) : [],
        verify(model, span) {
          if (isMade) assert.ok(model.at(model.indexOf(id)).has(key), 'tags are of a version')
          else assert.is(answer.status, 404)
          if (!isMade) assertSometime(span, (head) => !model.at(head).has(key), 'the key was missing')
        },
      }
    },
  }
}

export function remove(world: World): Operation {
  const { random, requests } = world
  const key = one(random, keys)
  const ifMatch = condition(world, key)['if-match']
  const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch }
  return {
    name: `delete ${key} ${JSON.stringify(headers)}`,
    async run() {
      const answer = await requests.send('DELETE', key, { headers })
      const id = answer.header('x-amz-version-id')
      const isMade = answer.status === 204
      return {
        ...(isMade && id !== null && { write: { id, changes: () => new Map([[key, undefined]]) } }),
        verify: (model, span) =>
          verifyCondition(world, model, span, { key, headers, answer, index: isMade ? model.indexOf(id) : undefined }),
      }
    },
  }
}

export function removeMany({ random, requests }: World): Operation {
  const named = [...new Set([one(random, keys), one(random, keys), one(random, keys)])]
  const objects = named.map((key) => `<Object><Key>${key}</Key></Object>`).join('')
  return {
    name: `delete ${named.join(', ')}`,
    async run() {
      const answer = await requests.send('POST', '', { query: { delete: '' }, body: `<Delete>${objects}</Delete>` })
      const deleted = xmlOf(answer).children.filter(({ name }) => name === 'Deleted')
      const ids = new Set(deleted.map((each) => textOf(each, 'DeleteMarkerVersionId')))
      const [id = ''] = ids
      return {
        write: { id, changes: () => new Map(named.map((key) => [key, undefined])) },
        verify() {
          assert.is(ids.size, 1, 'all in one commit')
          assert.equal(deleted.map((each) => textOf(each, 'Key')).sort(), named.toSorted())
        },
      }
    },
  }
}

export function copy({ random, model, requests }: World): Operation {
  const source = one(random, keys)
  const key = one(
    random,
    keys.filter((each) => each !== source),
  )
  const asked = random(3) === 0 ? one(random, model.ids) : undefined
  const version = asked === undefined ? '' : `?versionId=${asked}`
  const set = one(random, [undefined, { metadata: one(random, texts), tags: one(random, texts) }])
  const replace = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-tagging-directive': 'REPLACE' }
  const headers = {
    'x-amz-copy-source': `model/${encodeURIComponent(source)}${version}`,
    ...(set && { ...replace, ...attributeHeaders(set) }),
  }
  return {
    name: `copy ${source}${version} to ${key}`,
    async run() {
      const answer = await requests.send('PUT', key, { headers })
      const id = answer.header('x-amz-version-id')
      const sourceId = answer.header('x-amz-copy-source-version-id')
      const changes = (model: BranchModel): Changes => new Map([[key, model.at(model.indexOf(sourceId)).get(source)]])
      return {
        ...(answer.status === 200 && id !== null && { write: { id, changes } }),
        attributes(model, span) {
          if (answer.status !== 200 || id === null) return []
          return [{ key, id, set: set ?? { copyOf: versionsSeen(model, span, source, sourceId) } }]
        },
        verify(model, span) {
          if (answer.status === 200) {
            const index = model.indexOf(sourceId)
            assert.ok(model.at(index).has(source), 'the source was there')
            const isAsked = asked === undefined ? model.isCurrentSometime(span, source, sourceId) : sourceId === asked
            assert.ok(isAsked, 'the version that was asked for')
          } else if (asked === undefined) {
            assert.is(answer.status, 404)
            assertSometime(span, (head) => !model.at(head).has(source), 'the source was missing')
          } else {
            const index = model.indexOf(asked)
            assert.not.ok(model.at(index).has(source), 'the source is missing at the version')
            assert.is(answer.status, model.isRemovedIn(index, source) ? 400 : 404)
          }
        },
      }
    },
  }
}
