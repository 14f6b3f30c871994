import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type FileOperation, type FileOperations, PfsError, type PfsStatus } from '../../lib/index.js'
import { type Answer, ask } from '../support/ask.js'
import { deferred } from '../support/deferred.js'
import { bucket, commits, holds, sum } from './support/branch.js'
import { stalled } from './support/faulty-pfs.js'
import { leaked, openThings, type Rig, startRig } from './support/rig.js'

const shared = suite<{ rig: Rig; before: Readonly<Record<string, number>> }>('shared commits')

shared.before.each(async (context) => {
  // Records would make separate commits, which would run into the faults.
  context.rig = await startRig({ options: { objectRecords: 'off' } })
  await ask(context.rig.port, 'PUT', `/${bucket}/first`, 'first')
  await context.rig.idle()
  context.before = openThings()
})

shared.after.each(async ({ rig, before }) => {
  await rig.idle()
  assert.equal(await leaked(before), [])
  await rig.close()
})

const names = Array.from({ length: 10 }, (_, index) => `key-${index}`)
const put = (rig: Rig, name: string, headers = {}): Promise<Answer> =>
  ask(rig.port, 'PUT', `/${bucket}/${name}`, `content of ${name}`, headers)

async function pathsOf(operations: FileOperations): Promise<{ paths: string[]; all: FileOperation[] }> {
  const all: FileOperation[] = []
  for await (const operation of operations) all.push(operation)
  return { all, paths: all.flatMap((each) => ('deleteFile' in each ? each.deleteFile.path : [])) }
}

/** Blocks one write, so that all later ones share the next commit; the test decides how PFS treats that commit. */
async function whileOthersWait(
  rig: Rig,
  modifyFile: (paths: readonly string[], write: () => Promise<void>, signal: AbortSignal | undefined) => Promise<void>,
  headers = {},
): Promise<{ answers: Answer[]; sent: string[][] }> {
  const gate = deferred()
  const begun = rig.pfs.begun('modifyFile')
  const sent: string[][] = []
  rig.pfs.faults = {
    async modifyFile(commit, operations, options) {
      const { all, paths } = await pathsOf(operations)
      if (paths[0] === '/ahead') await gate.promise
      else sent.push(paths)
      const write = () => rig.truth.modifyFile(commit, all, options)
      await (paths[0] === '/ahead' ? write() : modifyFile(paths, write, options?.signal))
    },
  }
  const ahead = put(rig, 'ahead')
  await begun
  const writes = names.map((name) => put(rig, name, headers))
  // One read through the gateway for each write: its body is in before the answer to the read is.
  for (const _ of names) await ask(rig.port, 'HEAD', `/${bucket}/first`)
  gate.resolve()
  assert.is((await ahead).status, 200)
  return { answers: await Promise.all(writes), sent }
}

async function requireExactly(rig: Rig, answers: readonly Answer[]): Promise<void> {
  const held = await holds(rig.truth)
  const answered = names.filter((_, index) => answers[index]?.status === 200)
  for (const name of answered) assert.is(held.get(name), sum(Buffer.from(`content of ${name}`)), name)
  assert.is(held.size, 2 + answered.length)
}

shared('a commit that stalls and is then refused is retried write by write, once each', async ({ rig }) => {
  const { answers, sent } = await whileOthersWait(rig, async (paths, write) => {
    if (paths.length === 1) return write()
    for (let requests = 0; requests < 3; requests++) await ask(rig.port, 'HEAD', `/${bucket}/first`)
    throw new PfsError('UNKNOWN', 'some chunk could not be stored')
  })
  assert.equal(
    answers.map(({ status }) => status),
    Array(10).fill(200),
  )
  assert.ok((sent[0]?.length ?? 0) > 1, 'the writes shared a commit')
  assert.equal(
    sent
      .filter((paths) => paths.length === 1)
      .map(String)
      .sort(),
    names.map((name) => `/${name}`),
  )
  await requireExactly(rig, answers)
})

shared('a write that PFS refuses does not affect others', async ({ rig }) => {
  const { answers } = await whileOthersWait(rig, async (paths, write) => {
    if (paths.includes('/key-3')) throw new PfsError('UNKNOWN', 'path (/key-3) invalid: it is forbidden here')
    await write()
  })
  assert.equal(
    answers.map(({ status, code }) => `${status}${code}`),
    names.map((name) => (name === 'key-3' ? '400InvalidArgument' : '200')),
  )
  await requireExactly(rig, answers)
})

for (const status of ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'CANCELLED'] as const satisfies PfsStatus[]) {
  for (const isMade of [false, true]) {
    shared(
      `${status} if the commit was ${isMade ? '' : 'not '}made: no write gets 200, none is repeated`,
      async (context) => {
        const { rig } = context
        const { answers, sent } = await whileOthersWait(rig, async (_, write) => {
          if (isMade) await write()
          throw new PfsError(status, 'who knows')
        })
        assert.ok(answers.every((answer) => answer.status >= 500))
        assert.equal(
          sent.flat().sort(),
          names.map((name) => `/${name}`),
        )
        assert.is((await holds(rig.truth)).size, isMade ? 12 : 2)
        rig.pfs.faults = {}
        assert.is((await put(rig, 'next')).status, 200)
      },
    )
  }
}

shared('the connection breaks during a commit: no write is confirmed, none is repeated', async ({ rig }) => {
  const { answers, sent } = await whileOthersWait(rig, async (_, write) => {
    await write()
    rig.wire.cut()
  })
  assert.ok(answers.every((answer) => answer.status === 503))
  assert.equal(
    sent.flat().sort(),
    names.map((name) => `/${name}`),
  )
  rig.pfs.faults = {}
  assert.is((await put(rig, 'next')).status, 200)
})

shared('PFS dies during a commit and comes back: the next writes succeed', async ({ rig }) => {
  const stalledCommit = deferred()
  const lost = whileOthersWait(rig, async (_, __, signal) => {
    stalledCommit.resolve()
    await stalled(signal)
  })
  await stalledCommit.promise
  await rig.killPfs()
  const { answers } = await lost
  assert.ok(answers.every((answer) => answer.status === 503))
  rig.pfs.faults = {}
  const next = put(rig, 'next')
  await rig.startPfs()
  assert.is((await next).status, 200)
  assert.equal([...(await holds(rig.truth)).keys()], ['ahead', 'first', 'next'])
})

shared('a commit whose id is lost is not repeated', async ({ rig }) => {
  for (const status of ['UNKNOWN', 'NOT_FOUND', 'UNAVAILABLE'] as const) {
    const history = await commits(rig.truth)
    let made = 0
    const { answers, sent } = await whileOthersWait(
      rig,
      async (_, write) => {
        await write()
        made++
        rig.pfs.faults.inspectCommit = async () => {
          delete rig.pfs.faults.inspectCommit
          throw new PfsError(status === 'UNAVAILABLE' ? 'INTERNAL' : status, 'the database is away')
        }
      },
      { 'if-none-match': '*' },
    )
    assert.ok(
      answers.every((answer) => answer.status !== 412),
      `${status}: no write is refused because of itself`,
    )
    assert.is((await commits(rig.truth)).length - history.length, 1 + made)
    assert.is(new Set(sent.flat()).size, sent.flat().length, `${status}: nothing is sent twice`)
    for (const name of [...names, 'ahead']) await ask(rig.port, 'DELETE', `/${bucket}/${name}`)
  }
})

shared.run()
