import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createKeyCodec } from '../../lib/resolver/key.js'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { startGatewayProcess } from '../faults/support/gateway-process.js'
import type { RawRequest } from '../support/wire.js'
import { assertCheap, type Bench, type Cost, cheapestCost, leastCost, longestTurn } from './cost.js'

/**
 * Class 34 of README.md: processor time that is a multiple of the bytes sent. The gateway runs in a separate process, so
 * that neither the client nor PFS in memory is counted.
 */
const test = suite('processor time')

const images = { project: 'default', name: 'images', type: 'user' } as const

/** Opens a gateway over a branch with empty files at some keys. */
async function openBench(keys: readonly string[] = []): Promise<Bench> {
  const pfs = createMemoryPfs({ repos: { images: { master: {} } } })
  const { pathFromKey } = createKeyCodec('percent')
  const changes = keys.map((key) => ({ addFile: { path: pathFromKey(key), raw: new Uint8Array() } }))
  await pfs.modifyFile({ repo: images, branch: 'master' }, changes)
  await pfs.inspectCommit({ commit: { repo: images, branch: 'master' }, wait: 'FINISHED' })
  const served = await servePfs(pfs, '127.0.0.1:0')
  const gateway = await startGatewayProcess({ address: served.address, options: {} })
  return {
    gateway,
    async close() {
      await gateway.stop()
      await served.close({ force: true })
    },
  }
}

/** Text that is repeated to make keys of 1,024 bytes. */
const units = ['(', ' ', '%', '%25', '%F0%9F%98', 'é', 'a/', 'a(', '&'] as const

function keyOf(unit: string, index: number): string {
  const end = String(index).padStart(4, '0')
  const count = Math.floor((1024 - end.length) / Buffer.byteLength(unit))
  return unit.repeat(count) + end
}

function keysOf(unit: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => keyOf(unit, index))
}

function post(target: string, body: string): RawRequest {
  const headers = { host: 'h', 'content-length': String(Buffer.byteLength(body)) }
  return { method: 'POST', target, headers, body }
}

const get = (target: string): RawRequest => ({ target, headers: { host: 'h' } })

test('34: DeleteObjects of 1,000 keys of 1,024 bytes', async () => {
  const bench = await openBench()
  try {
    for (const unit of units) {
      const objects = keysOf(unit, 1000).map((key) => `<Object><Key>${key.replaceAll('&', '&amp;')}</Key></Object>`)
      const request = post('/images?delete', `<Delete>${objects.join('')}</Delete>`)
      const cost = await cheapestCost(bench, request)
      assert.is(cost.response.status, 200, cost.response.body.slice(0, 300))
      assert.is(cost.response.body.match(/<Deleted>/g)?.length, 1000)
      assertCheap(cost, request, `DeleteObjects of ${JSON.stringify(unit)}`)
    }
  } finally {
    await bench.close()
  }
})

/** Runs of a page; more if no turn was short, since garbage collection takes most of the longest turn. */
const runs = 8
const maxRuns = 24

async function pageCost(bench: Bench, target: string): Promise<Cost> {
  const cost = await leastCost(bench, get(target), runs)
  if (cost.longest <= longestTurn) return cost
  const again = await leastCost(bench, get(target), maxRuns - runs, ({ longest }) => longest <= longestTurn)
  return { ...again, total: Math.min(cost.total, again.total) }
}

/** The costs of the two pages of a branch of 1,300 keys. */
async function pageCosts(unit: string): Promise<readonly Cost[]> {
  const bench = await openBench(keysOf(unit, 1300))
  try {
    const first = await pageCost(bench, '/images?list-type=2&encoding-type=url')
    const token = /<NextContinuationToken>([^<]+)/.exec(first.response.body)?.[1] ?? ''
    const next = `/images?list-type=2&encoding-type=url&continuation-token=${encodeURIComponent(token)}`
    const last = await pageCost(bench, next)
    for (const [{ response }, count] of [
      [first, 1000],
      [last, 300],
    ] as const) {
      assert.is(response.body.match(/<Contents>/g)?.length, count)
    }
    return [first, last]
  } finally {
    await bench.close()
  }
}

test('34: a page costs at most five times a page of plain keys, whatever its keys', async () => {
  const [plain] = await pageCosts('k')
  const most = 5 * (plain?.total ?? 0)
  for (const unit of units) {
    for (const { total, longest } of await pageCosts(unit)) {
      const spent = `a page of ${JSON.stringify(unit)}: ${total.toFixed(1)} of ${most.toFixed(1)} ms, ${longest.toFixed(1)} ms at once`
      assert.ok(total <= most, spent)
      assert.ok(longest <= longestTurn, spent)
    }
  }
})

test.run()
