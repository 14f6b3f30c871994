import { setImmediate } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Key, Unsigned } from '../support/sign.js'
import { outcomeOf, type RawResponse, xmlText } from '../support/wire.js'
import { ask, type House, openHouse } from './house.js'

/** Class 16 of README.md: what the gateway has cached for one caller, another one must not get. */
const test = suite<{ house: House }>('caches and rights')

test.before(async (context) => {
  const house = await openHouse('pachyderm')
  context.house = house
  const { pfs } = house
  pfs.globFile = slow(pfs.globFile)
  pfs.getFileTar = slow(pfs.getFileTar)
  pfs.getFile = slow(pfs.getFile)
  pfs.listFile = slow(pfs.listFile)
  assert.is(outcomeOf(await ask(house, { method: 'PUT', target: '/common' })), '200')
  await setRoles(house, 'common', ['repoWriter'])
})

test.after(({ house }) => house.close())

/** The same call, which takes some turns of the event loop, so that those of concurrent requests overlap. */
function slow<Args extends unknown[], Item>(call: (...args: Args) => AsyncIterable<Item>) {
  return async function* (...args: Args): AsyncGenerator<Item> {
    for (let turn = 0; turn < 10; turn++) await setImmediate()
    yield* call(...args)
  }
}

const secret = 'a secret of alice'

/** Fills a bucket as Alice, and returns every request that reads from it. */
async function fillBucket(house: House, bucket: string): Promise<readonly Unsigned[]> {
  const put = async (request: Partial<Unsigned> & { target: string }): Promise<RawResponse> => {
    const response = await ask(house, { method: 'PUT', body: secret, ...request })
    assert.is(outcomeOf(response), '200', request.target)
    return response
  }
  const at = (key: string): string => `/${bucket}/${key}`
  const headers = { 'x-amz-meta-secret': secret, 'x-amz-tagging': 'secret=alice', 'content-type': 'text/secret' }
  for (const name of ['a', 'b', 'c', 'd']) await put({ target: at(`list/${name}`) })
  const first = await put({ target: at('secret'), headers })
  const versionId = String(first.headers['x-amz-version-id'])
  await put({ target: at('secret'), headers, body: `${secret} again` })
  await put({ target: at('marker/'), headers, body: '' })
  await put({ target: at('large'), body: secret.repeat(100_000) })
  const begun = await ask(house, { method: 'POST', target: at('parts?uploads'), headers })
  const uploadId = xmlText(begun, 'UploadId')
  await put({ target: at(`parts?partNumber=1&uploadId=${uploadId}`) })
  const reads = [
    '',
    '?list-type=2',
    '?list-type=2&prefix=list/&delimiter=/',
    '?list-type=2&prefix=marker/',
    '?list-type=2&max-keys=0',
    '?versions',
    '?versions&prefix=secret',
    '?uploads',
    '?location',
    '/list/a',
    '/list/b',
    '/secret',
    `/secret?versionId=${versionId}`,
    '/secret?tagging',
    '/secret?attributes',
    '/secret?partNumber=1',
    `/secret?tagging&versionId=${versionId}`,
    '/marker/',
    '/marker/?tagging',
    '/marker/?attributes',
    '/large',
    `/parts?uploadId=${uploadId}`,
  ].map(
    (rest): Unsigned => ({
      target: `/${bucket}${rest}`,
      headers: rest.includes('attributes') ? { 'x-amz-object-attributes': 'ETag,ObjectSize' } : {},
    }),
  )
  const heads = reads.filter(({ target }) => !target.includes('?')).map((read) => ({ ...read, method: 'HEAD' }))
  const copies = ['secret', `secret?versionId=${versionId}`, 'marker/', 'large'].map(
    (source): Unsigned => ({
      method: 'PUT',
      target: '/common/copy',
      headers: { 'x-amz-copy-source': `/${bucket}/${source}` },
      body: '',
    }),
  )
  return [...reads, ...heads, ...copies]
}

/** Fails unless each read is refused to a caller, alone and beside the same read of Alice. */
async function assertRefused(house: House, reads: readonly Unsigned[], key: Key): Promise<void> {
  for (const read of reads) {
    const name = `${read.method ?? 'GET'} ${read.target} ${JSON.stringify(read.headers)}`
    const warm = await ask(house, read)
    assert.ok(warm.status === 200 || warm.status === 206, `${name} as Alice: ${warm.body}`)
    const alone = await ask(house, read, key)
    const asked = Array.from({ length: 4 }, (_, index) => ask(house, read, index % 2 === 0 ? house.alice : key))
    const beside = (await Promise.all(asked)).filter((_, index) => index % 2 === 1)
    for (const response of [alone, ...beside]) {
      assert.is(response.status, 403, name)
      assert.not.match(response.body + JSON.stringify(response.headers), /secret of alice|text\/secret|ETag/, name)
    }
  }
}

/** Sets the roles of Bob on a repo. */
async function setRoles({ pfs, tokens }: House, repo: string, roles: readonly string[]): Promise<void> {
  const resource = { type: 'REPO' as const, name: `default/${repo}` }
  await pfs.modifyRoleBinding({ resource, principal: 'robot:bob', roles: [...roles] }, { authToken: tokens.root })
}

test('16: a caller without rights reads nothing that another caller has just read', async ({ house }) => {
  await assertRefused(house, await fillBucket(house, 'alice'), house.bob)
})

test('16: a caller whose rights were taken away reads nothing that it has just read', async ({ house }) => {
  const reads = await fillBucket(house, 'shared')
  for (const read of reads) assert.ok((await ask(house, read, house.bob)).status < 300, read.target)
  await setRoles(house, 'shared', [])
  await assertRefused(house, reads, house.bob)
})

test.run()
