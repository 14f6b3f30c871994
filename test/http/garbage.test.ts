import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { startGateway } from '../support/gateway.js'

const test = suite('garbage')

/** PFS in memory that drops the content of large bodies: what it keeps would need full garbage collections. */
function forgetfulPfs() {
  const pfs = createMemoryPfs({ repos: { bench: { master: {} } } })
  return {
    ...pfs,
    async createFileSet(...[operations, options]: Parameters<typeof pfs.createFileSet>): Promise<string> {
      for await (const _ of operations);
      return pfs.createFileSet([{ addFile: { path: '/body', raw: Buffer.from('dropped') } }], options)
    },
  }
}

/** Its `detail` is missing in the types of Node. */
type CollectionEntry = PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail }

/** The full garbage collections of this process while something runs. */
async function fullCollectionsDuring(work: () => Promise<void>): Promise<number> {
  let count = 0
  const observer = new PerformanceObserver((list) => {
    const entries: readonly CollectionEntry[] = list.getEntries()
    for (const { detail } of entries) {
      if (detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count += 1
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  await work()
  // Its entries are delivered in a later turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  observer.disconnect()
  return count
}

test('a large body passes without full garbage collections', async () => {
  const gateway = await startGateway({ pfs: forgetfulPfs() })
  const body = Buffer.alloc(128 * 1024 * 1024, 'x')
  const put = async (): Promise<void> => {
    assert.is((await ask(gateway.port, 'PUT', '/master.bench/large', body)).status, 200)
  }
  await put()
  // A hidden class that each chunk leaves behind makes one for each 12 MiB.
  const collections = await fullCollectionsDuring(put)
  await gateway.close()
  assert.ok(collections <= 4, `${collections} full garbage collections`)
})

test.run()
