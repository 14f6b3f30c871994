import * as assert from 'uvu/assert'
import { one } from '../support/random.js'
import { versionsSeen } from './attributes.js'
import type { VersionsPage, VersionsQuery } from './branch-model.js'
import { type Answer, textOf, xmlOf } from './s3-requests.js'
import { assertSometime, keys, type Operation, type World } from './world.js'

export function read({ random, requests, etags, attributes }: World, method: 'GET' | 'HEAD'): Operation {
  const key = one(random, keys)
  return {
    name: `${method} ${key}`,
    async run() {
      const answer = await requests.send(method, key)
      const id = answer.header('x-amz-version-id')
      return {
        verify(model, span) {
          const body = id === null ? undefined : model.at(model.indexOf(id)).get(key)
          if (answer.status === 200) {
            assert.ok(
              body !== undefined && model.isCurrentSometime(span, key, id),
              'a version that existed during the read',
            )
            assert.is(answer.header('etag'), etags.get(body))
            attributes.verify(versionsSeen(model, span, key, id), { metadata: metadataOf(answer) })
            if (method === 'GET') assert.is(answer.text, body)
            else assert.is(answer.header('content-length'), String(Buffer.byteLength(body)))
            return
          }
          assert.is(answer.status, 404)
          assertSometime(span, (head) => !model.at(head).has(key), 'the key was missing')
          if (answer.header('x-amz-delete-marker') !== null) assert.ok(model.isRemovedIn(model.indexOf(id), key))
        },
      }
    },
  }
}

export function readVersion({ random, model, requests, attributes, foreignId }: World): Operation {
  const key = one(random, keys)
  const versionId = one(random, [one(random, model.ids), one(random, model.ids), foreignId, '0'.repeat(32)])
  return {
    name: `GET ${key} at ${versionId}`,
    async run() {
      const answer = await requests.send('GET', key, { query: { versionId } })
      return {
        verify(model, span) {
          const index = model.ids.indexOf(versionId)
          const body = index < 0 ? undefined : model.at(index).get(key)
          const isMarker = model.isRemovedIn(index, key)
          assert.is(answer.status, body !== undefined ? 200 : isMarker ? 405 : 404)
          if (body === undefined) return
          assert.is(answer.text, body)
          attributes.verify(versionsSeen(model, span, key, versionId), { metadata: metadataOf(answer) })
        },
      }
    },
  }
}

export function readTags({ random, requests, attributes }: World): Operation {
  const key = one(random, keys)
  return {
    name: `tags of ${key}`,
    async run() {
      const answer = await requests.send('GET', key, { query: { tagging: '' } })
      return {
        verify(model, span) {
          if (answer.status === 404) {
            assertSometime(span, (head) => !model.at(head).has(key), 'the key was missing')
            return
          }
          const [set] = xmlOf(answer).children
          const id = answer.header('x-amz-version-id')
          assert.ok(model.at(model.indexOf(id)).has(key), 'tags are of a version')
          attributes.verify(versionsSeen(model, span, key, id), {
            tags: set?.children.map((tag) => textOf(tag, 'Value')).join() ?? '',
          })
        },
      }
    },
  }
}

function metadataOf(answer: Answer): string {
  return answer.header('x-amz-meta-text') ?? ''
}

export function list({ random, requests, etags }: World): Operation {
  const prefix = one(random, ['', '', 'd', 'd/', 'd/1', 'x'])
  return {
    name: `list ${prefix}`,
    async run() {
      const answer = await requests.send('GET', '', { query: { 'list-type': '2', prefix } })
      const contents = xmlOf(answer).children.filter(({ name }) => name === 'Contents')
      const rows = contents.map((each) => `${textOf(each, 'Key')} ${textOf(each, 'ETag')}`).join('\n')
      return {
        verify(model, span) {
          const listedAt = (head: number): string =>
            [...model.at(head)]
              .filter(([key]) => key.startsWith(prefix))
              .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
              .map(([key, body]) => `${key} ${etags.get(body)}`)
              .join('\n')
          assertSometime(span, (head) => listedAt(head) === rows, `the bucket was\n${rows}\n`)
        },
      }
    },
  }
}

export function listVersions({ random, model, requests, etags }: World): Operation {
  const keyMarker = one(random, ['', '', ...keys])
  const query: VersionsQuery = {
    prefix: one(random, ['', '', 'd', 'd/', 'd/1', 'x']),
    delimiter: one(random, ['', '/']),
    keyMarker,
    versionIdMarker: keyMarker !== '' && random(2) === 0 ? one(random, model.ids.slice(1).concat('')) : '',
    limit: one(random, [1, 2, 5, 20, 1000]),
  }
  return {
    name: `list versions ${JSON.stringify(query)}`,
    async run() {
      const answer = await requests.send('GET', '', {
        query: {
          versions: '',
          prefix: query.prefix,
          delimiter: query.delimiter,
          'key-marker': query.keyMarker,
          'version-id-marker': query.versionIdMarker,
          'max-keys': String(query.limit),
        },
      })
      const root = xmlOf(answer)
      return {
        verify(model, span) {
          const bodyOf = new Map([...etags].map(([body, etag]) => [etag, body]))
          const rows = root.children.flatMap((each) => {
            if (each.name === 'CommonPrefixes') return [textOf(each, 'Prefix')]
            if (each.name !== 'Version' && each.name !== 'DeleteMarker') return []
            const content = each.name === 'Version' ? bodyOf.get(textOf(each, 'ETag')) : 'deleted'
            const latest = textOf(each, 'IsLatest') === 'true' ? '>' : ''
            return [`${latest}${textOf(each, 'Key')} ${textOf(each, 'VersionId')} ${content}`]
          })
          const page = pageText({ rows, isTruncated: textOf(root, 'IsTruncated') === 'true' })
          const isThen = (head: number): boolean =>
            [head, span.from].some((answered) => pageText(model.versionsPage(head, query, answered)) === page)
          assertSometime(span, isThen, `the versions were\n${page}\n`)
        },
      }
    },
  }
}

/** The rows in one order: common prefixes come last in an answer. */
function pageText({ rows, isTruncated }: VersionsPage): string {
  return [...rows.toSorted(), isTruncated].join('\n')
}
