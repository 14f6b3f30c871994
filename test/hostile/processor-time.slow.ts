import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/index.js'
import { createKeyCodec } from '../../lib/resolver/key.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { exchange, outcomeOf, type RawRequest, type RawResponse } from '../support/wire.js'

/** Class 34 of README.md: processor time that is a multiple of the bytes sent, in one go. */
const test = suite<{ gateway: Gateway }>('processor time')

const repo = { project: 'default', name: 'images', type: 'user' } as const

test.before(async (context) => {
  context.gateway = await startGateway()
  await createRepoAndBranch(context.gateway.pfs, { repo, name: 'master' })
  assert.is(outcomeOf(await exchange(context.gateway.port, put('/images/a'))), '200')
})

test.after(({ gateway }) => gateway.close())

function put(target: string): RawRequest {
  return { method: 'PUT', target, headers: { host: 'h', 'content-length': '1' }, body: 'x' }
}

interface Cost {
  readonly response: RawResponse
  /** Processor time of the process, in milliseconds: of client, gateway and PFS. */
  readonly total: number
  /** The most between two turns of the event loop. */
  readonly longest: number
}

function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Counts processor time, not wall time: other processes do not change it. */
async function costOf(work: () => Promise<RawResponse>): Promise<Cost> {
  let longest = 0
  let isDone = false
  const start = processorMilliseconds()
  let last = start
  const beat = (): void => {
    const now = processorMilliseconds()
    longest = Math.max(longest, now - last)
    last = now
    if (!isDone) setImmediate(beat)
  }
  setImmediate(beat)
  const response = await work()
  isDone = true
  return { response, total: processorMilliseconds() - start, longest }
}

/** The least of several runs: the first ones compile, and any may collect garbage. */
async function leastCost(work: () => Promise<RawResponse>, runs = 4): Promise<Cost> {
  const costs: Cost[] = []
  for (let run = 0; run < runs; run += 1) costs.push(await costOf(work))
  const [first] = costs
  if (first === undefined) throw new Error('no run')
  return {
    response: first.response,
    total: Math.min(...costs.map(({ total }) => total)),
    longest: Math.min(...costs.map(({ longest }) => longest)),
  }
}

/** Text that is repeated to make keys of 1,024 bytes. */
const units = ['(', ' ', '%', '%25', '%F0%9F%98', 'é', 'a/', 'a('] as const

function keyOf(unit: string, index: number): string {
  const end = String(index).padStart(4, '0')
  const count = Math.floor((1024 - end.length) / Buffer.byteLength(unit))
  return unit.repeat(count) + end
}

for (const unit of units) {
  test(`34: DeleteObjects of 1,000 keys of 1,024 bytes of ${JSON.stringify(unit)}`, async ({ gateway }) => {
    const objects = Array.from({ length: 1000 }, (_, index) => `<Object><Key>${keyOf(unit, index)}</Key></Object>`)
    const body = `<Delete>${objects.join('')}</Delete>`
    const headers = { host: 'h', 'content-length': String(Buffer.byteLength(body)) }
    const { response, total, longest } = await leastCost(
      () => exchange(gateway.port, { method: 'POST', target: '/images?delete', headers, body }),
      2,
    )
    assert.is(response.status, 200)
    const most = 5 + 0.02 * Buffer.byteLength(body)
    assert.ok(total <= most, `${total} ms where ${most} would do, ${longest} at once`)
  })
}

/** A gateway over a branch of 1,300 keys of 1,024 bytes. */
async function listed(unit: string): Promise<Gateway> {
  const pfs = createMemoryPfs()
  await createRepoAndBranch(pfs, { repo, name: 'master' })
  const { pathFromKey } = createKeyCodec('percent')
  const changes = Array.from({ length: 1300 }, (_, index) => ({
    addFile: { path: pathFromKey(keyOf(unit, index)), raw: new Uint8Array() },
  }))
  await pfs.modifyFile({ repo, branch: 'master' }, changes)
  await pfs.inspectCommit({ commit: { repo, branch: 'master' }, wait: 'FINISHED' })
  return startGateway({ pfs })
}

async function pageCosts(unit: string): Promise<{ first: Cost; last: Cost }> {
  const gateway = await listed(unit)
  const page = (target: string) => leastCost(() => exchange(gateway.port, { target, headers: { host: 'h' } }))
  try {
    const first = await page('/images?list-type=2&encoding-type=url')
    const token = /<NextContinuationToken>([^<]+)/.exec(first.response.body)?.[1] ?? ''
    const last = await page(`/images?list-type=2&encoding-type=url&continuation-token=${encodeURIComponent(token)}`)
    for (const [{ response }, count] of [
      [first, 1000],
      [last, 300],
    ] as const) {
      assert.is(response.body.match(/<Contents>/g)?.length, count)
    }
    return { first, last }
  } finally {
    await gateway.close()
  }
}

test('34: a page costs at most five times a page of plain keys, whatever is in them', async () => {
  const plain = await pageCosts('k')
  for (const unit of units) {
    const { first, last } = await pageCosts(unit)
    const about = JSON.stringify({ unit, first: first.total, last: last.total, plain: plain.first.total })
    assert.ok(first.total <= 5 * plain.first.total && last.total <= 5 * plain.first.total, about)
  }
})

test.run()
