import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Head, RecentCommits } from '../../lib/commits/head.js'

/** Readers ask for the commit to read while a turn asks for the commit to check in. */
const test = suite('recent commits of several callers')

const headOf = (number: number, state: Head['state'] = 'finishing'): Head => ({
  commitId: `c${number}`,
  parentId: `c${number - 1}`,
  started: undefined,
  time: undefined,
  state,
  error: '',
})

/** The commits c1 to c4 on top of c0, each of which changed the path of its number; PFS has finished c0. */
async function fourUnfinished(): Promise<RecentCommits> {
  const recent = new RecentCommits()
  await recent.commitToCheck(headOf(0, 'finished'), [], async () => headOf(0, 'finished'))
  for (let number = 1; number <= 4; number++) recent.add(headOf(number), [`/${number}`], [])
  return recent
}

const finish = async (commitId: string): Promise<Head> => headOf(Number(commitId.slice(1)), 'finished')

test('two readers that wait for the oldest commit drop it only once', async () => {
  const recent = await fourUnfinished()
  await Promise.all([1, 2].map(() => recent.commitToCheck(headOf(4), ['/other'], finish)))
  // c1 does not hold what c2 changed.
  assert.is(await recent.commitToCheck(headOf(4), ['/2'], finish), 'c4')
})

test('a reader that knew an older head does not hide the changes of a newer one', async () => {
  const recent = await fourUnfinished()
  let goOn = (): void => {}
  const waits = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const stale = recent.commitToCheck(headOf(3), ['/other'], finish)
  const current = recent.commitToCheck(headOf(4), ['/4'], async (commitId) => {
    await waits
    return finish(commitId)
  })
  await stale
  goOn()
  assert.is(await current, 'c4')
})

test.run()
