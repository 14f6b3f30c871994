import { setTimeout } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createPachydermClient, type PachydermClient } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'

/** Branches side by side, and tries on each. */
const branches = 4
const tries = 25

interface Context {
  readonly pfs: PachydermClient
  readonly gateway: Gateway
}

const races = suite<Context>('writes while another client opens and finishes commits')

races.before(async (context) => {
  const pfs = createPachydermClient(process.env.PACHD ?? '')
  // So that a body of 20 bytes is staged in a file set, as a large one is.
  Object.assign(context, { pfs, gateway: await startGateway({ pfs, options: { maxSharedBodyBytes: 10 } }) })
})

races.after(async ({ gateway, pfs }) => {
  await gateway.close()
  pfs.close()
})

const small = 'small'
const large = 'longer than ten bytes'

races('each confirmed write is stored, and the branch stays writable', async (context) => {
  const name = `race-${Date.now()}`
  const counts = await Promise.all(Array.from({ length: branches }, (_, index) => raceOn(context, `${name}-${index}`)))
  const answered = counts.reduce((sum, count) => sum + count, 0)
  assert.ok(
    answered > 0.9 * branches * tries * 4,
    `${answered} writes of ${branches * tries * 4} were answered with 2xx`,
  )
})

/** Races on a new repo; the number of writes that were answered with success. */
async function raceOn({ pfs, gateway }: Context, name: string): Promise<number> {
  const branch = { repo: { project: 'default', name, type: 'user' as const }, name: 'master' }
  const send = (method: string, key: string, init: RequestInit = {}) =>
    fetch(`${gateway.endpoint}/master.${name}/${key}`, { method, ...init })
  assert.is((await fetch(`${gateway.endpoint}/master.${name}`, { method: 'PUT' })).status, 200)
  await send('PUT', 'source', { body: small })
  await Promise.all(Array.from({ length: tries }, (_, index) => send('PUT', `deleted-${index}`, { body: small })))

  const answered: (readonly [key: string, content: string | undefined])[] = []
  for (let index = 0; index < tries; index += 1) {
    // The other client opens its commit before our writes begin, or at some moment while they run.
    const isOpen = index % 2 === 0
    const opened = isOpen ? await unlessRolledBack(() => pfs.startCommit({ branch })) : undefined
    const other = async (): Promise<void> => {
      await setTimeout((index * 37) % 90)
      const commit = opened ?? (await pfs.startCommit({ branch }).catch(() => undefined))
      await setTimeout((index * 53) % 80)
      if (commit !== undefined) await unlessRolledBack(() => pfs.finishCommit({ commit }))
    }
    const copySource = { 'x-amz-copy-source': `/master.${name}/source` }
    const [puts, staged, copied, deleted] = await Promise.all([
      send('PUT', `put-${index}`, { body: small }),
      send('PUT', `staged-${index}`, { body: large }),
      send('PUT', `copied-${index}`, { headers: copySource }),
      send('DELETE', `deleted-${index}`),
      other(),
    ])
    for (const [response, key, content] of [
      [puts, `put-${index}`, small],
      [staged, `staged-${index}`, large],
      [copied, `copied-${index}`, small],
      [deleted, `deleted-${index}`, undefined],
    ] as const) {
      await response.text()
      if (response.ok) answered.push([key, content])
    }
  }
  await Promise.all(
    answered.map(async ([key, content]) => {
      const got = await send('GET', key, { signal: AbortSignal.timeout(60_000) })
      const text = await got.text()
      assert.is(got.status, content === undefined ? 404 : 200, `${key}: ${text}`)
      if (content !== undefined) assert.is(text, content, key)
    }),
  )
  const last = await send('PUT', 'last', { body: large, signal: AbortSignal.timeout(60_000) })
  assert.is(last.status, 200)
  return answered.length
}

/** Repeats work that pachd rolls back because it races with that of another client. */
async function unlessRolledBack<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (reason) {
    if (!(reason instanceof PfsError && reason.refusal === 'rolled-back')) throw reason
    return unlessRolledBack(work)
  }
}

races.run()
