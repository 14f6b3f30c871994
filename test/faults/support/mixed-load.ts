import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../../lib/testing/index.js'
import { ask } from '../../support/ask.js'
import { bucket, repos } from './branch.js'
import { createFaultyPfs, type FaultyPfs } from './faulty-pfs.js'
import type { Measured } from './gateway-child.js'
import { type GatewayProcess, withGatewayProcess } from './gateway-process.js'
import { leave, sendPart } from './http.js'
import { framings, putMessage } from './messages.js'
import { turn } from './rig.js'

/** Memory may grow by so much, whatever was asked; objects are many times larger. */
const slackBytes = 4 * 1024 * 1024
const workers = 16
const keys = 100
const small = Buffer.alloc(3000, 'small')
const large = Buffer.alloc(150_000, 'large')
const wrongMd5 = 'AAAAAAAAAAAAAAAAAAAAAA=='
const settings = { maxSharedBodyBytes: 64 * 1024, cacheBytes: 512 * 1024 }

/** One request of a kind, with a number to vary it. */
type Kind = readonly [status: number, send: (port: number, number: number) => Promise<{ readonly status: number }>]

const path = (number: number): string => `/${bucket}/directory-${number % 7}/${number % keys}`
const deleteXml = '<Delete><Object><Key>nowhere</Key></Object><Object><Key>directory-0/none</Key></Object></Delete>'

const kinds: readonly Kind[] = [
  [200, (port, number) => ask(port, 'PUT', path(number), small)],
  [200, (port, number) => ask(port, 'PUT', `${path(number)}-large`, large)],
  [200, (port) => ask(port, 'GET', `/${bucket}/small`)],
  [200, (port) => ask(port, 'GET', `/${bucket}/large`)],
  [206, (port) => ask(port, 'GET', `/${bucket}/large`, undefined, { range: 'bytes=1000-1999' })],
  [200, (port) => ask(port, 'HEAD', `/${bucket}/small`)],
  [200, (port) => ask(port, 'GET', `/${bucket}?list-type=2&max-keys=10&delimiter=/`)],
  [204, (port, number) => ask(port, 'DELETE', path(number + 1))],
  [200, (port) => ask(port, 'POST', `/${bucket}?delete`, deleteXml)],
  [200, (port, number) => ask(port, 'PUT', `${path(number)}-copy`, '', { 'x-amz-copy-source': `/${bucket}/small` })],
  [404, (port, number) => ask(port, 'GET', `/${bucket}/nowhere/${number}`)],
  [404, (port) => ask(port, 'GET', '/master.nowhere/key')],
  [400, (port, number) => ask(port, 'PUT', path(number), small, { 'content-md5': wrongMd5 })],
  [400, (port, number) => ask(port, 'PUT', path(number), large, { 'content-md5': wrongMd5 })],
  [0, (port, number) => abandoned(port, number, small)],
  [0, (port, number) => abandoned(port, number, large)],
]

/** A PUT whose sender leaves in the middle. */
async function abandoned(port: number, number: number, content: Buffer): Promise<{ readonly status: number }> {
  const message = putMessage(path(number), content, framings[number % framings.length] ?? 'chunked')
  const sent = message.head.length + (message.body.length >> 1)
  await leave(await sendPart(port, message, sent), number % 2 === 0 ? 'closes' : 'resets')
  return { status: 0 }
}

/** How many requests, and the time over which they are spread. */
export interface Load {
  readonly requests: number
  readonly milliseconds: number
}

/** Sends mixed requests; afterwards the gateway must hold as many resources as before. */
export async function mixedLoad(load: Load): Promise<void> {
  const truth = createMemoryPfs({ repos })
  const pfs = createFaultyPfs(truth)
  const served = await servePfs(pfs.client, '127.0.0.1:0')
  try {
    await withGatewayProcess({ address: served.address, options: settings }, (gateway) => apply(load, gateway, pfs))
  } finally {
    await served.close({ force: true })
  }
}

async function apply(load: Load, gateway: GatewayProcess, pfs: FaultyPfs): Promise<void> {
  const { port } = gateway
  await ask(port, 'PUT', `/${bucket}/small`, small)
  await ask(port, 'PUT', `/${bucket}/large`, large)

  /** Sends requests, waits until everything is idle, and measures the remaining resources. */
  async function run({ requests, milliseconds }: Load): Promise<Measured> {
    const failures: string[] = []
    const numbers = Array.from({ length: requests }, (_, number) => number).values()
    const started = Date.now()
    const work = async (): Promise<void> => {
      for (const number of numbers) {
        const early = started + (number / requests) * milliseconds - Date.now()
        if (early > 0) await setTimeout(early)
        const [wanted, send] = kinds[number % kinds.length] ?? [0, async () => ({ status: -1 })]
        const { status } = await send(port, number)
        if (status !== wanted) failures.push(`${number}, of kind ${number % kinds.length}: ${status}`)
      }
    }
    await Promise.all(Array.from({ length: workers }, work))
    await gateway.idle()
    while (pfs.running().length > 0) await turn()
    const measured = await gateway.measure()
    assert.equal([failures, measured.errors], [[], []])
    return measured
  }

  // Fills code, caches and pools before the first measurement.
  const before = await run({ requests: load.requests / 3, milliseconds: load.milliseconds / 3 })
  const after = await run(load)
  assert.ok(after.bytes - before.bytes < slackBytes, `${before.bytes} bytes before, ${after.bytes} after`)
  assert.is(after.files, before.files)
  assert.is(after.timers, before.timers)
}
