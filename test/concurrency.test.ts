import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createKeyedMutex, mapWithLimit, yieldTurn } from '../lib/concurrency.js'
import { deferred } from './support/deferred.js'

const test = suite('concurrency')

/** One turn of the event loop, in which everything that waits for settled promises continues. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('work of the same name runs in order, one after the other', async () => {
  const mutex = createKeyedMutex()
  const log: string[] = []
  const gates = [deferred(), deferred(), deferred()]
  const all = gates.map((gate, index) =>
    mutex('name', async () => {
      log.push(`begins ${index}`)
      await gate.promise
      log.push(`ends ${index}`)
      return index
    }),
  )
  await turn()
  assert.equal(log, ['begins 0'])
  gates[2]?.resolve()
  gates[1]?.resolve()
  await turn()
  assert.equal(log, ['begins 0'])
  gates[0]?.resolve()
  assert.equal(await Promise.all(all), [0, 1, 2])
  assert.equal(log, ['begins 0', 'ends 0', 'begins 1', 'ends 1', 'begins 2', 'ends 2'])
})

test('work of different names runs concurrently', async () => {
  const mutex = createKeyedMutex()
  const gate = deferred()
  const held = mutex('one', () => gate.promise)
  assert.is(await mutex('other', async () => 'done'), 'done')
  gate.resolve()
  await held
})

test('a failure does not affect the next work, which still waits for it', async () => {
  const mutex = createKeyedMutex()
  const gate = deferred()
  let begun = false
  const failing = mutex('name', async () => {
    await gate.promise
    throw new Error('failed')
  })
  const next = mutex('name', async () => {
    begun = true
    return 'next'
  })
  await turn()
  assert.is(begun, false)
  gate.resolve()
  const [failed, done] = await Promise.allSettled([failing, next])
  assert.is(failed.status === 'rejected' && failed.reason.message, 'failed')
  assert.equal(done, { status: 'fulfilled', value: 'next' })
  assert.is(await mutex('name', async () => 'later'), 'later')
})

test('work that arrives while the last one ends still waits for it', async () => {
  const mutex = createKeyedMutex()
  const log: string[] = []
  const first = mutex('name', async () => void log.push('first'))
  const second = mutex('name', async () => {
    await turn()
    log.push('second')
  })
  await first
  await mutex('name', async () => void log.push('third'))
  await second
  assert.equal(log, ['first', 'second', 'third'])
})

test('names without waiting work are dropped', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const mutex = createKeyedMutex()
  const remembered: WeakRef<object>[] = []
  const work = async () => {
    const result = { content: 'of one turn' }
    remembered.push(new WeakRef(result))
    return result
  }
  // A leak would keep the result of a turn under its name.
  for (const name of ['one', 'one', 'other']) await mutex(name, work)
  for (let round = 0; round < 100 && remembered.some((each) => each.deref() !== undefined); round++) {
    await turn()
    collectGarbage()
  }
  assert.equal(
    remembered.map((each) => each.deref()),
    [undefined, undefined, undefined],
  )
  assert.is(await mutex('one', async () => 'again'), 'again')
})

test('long loops share the event loop, and each continues in its turn', async () => {
  const stepsInTurn: number[] = [0]
  const steps = Array.from({ length: 20 }, () => 0)
  const loops = steps.map(async (_, loop) => {
    for (; (steps[loop] ?? 0) < 5; steps[loop] = (steps[loop] ?? 0) + 1) {
      await yieldTurn()
      // Longer than a turn may take.
      for (const started = performance.now(); performance.now() - started < 11; );
      stepsInTurn.push((stepsInTurn.pop() ?? 0) + 1)
    }
  })
  let isOver = false
  const all = Promise.all(loops).then(() => {
    isOver = true
  })
  while (!isOver) {
    await turn()
    stepsInTurn.push(0)
  }
  await all
  const [first = 0, ...afterTheFirst] = stepsInTurn
  assert.ok(first <= steps.length + 1, 'each loop begins in the first turn')
  assert.ok(Math.max(...afterTheFirst) <= 2, stepsInTurn.join())
})

test('items are mapped in order, with at most `limit` calls in progress', async () => {
  let running = 0
  let most = 0
  const gates = Array.from({ length: 7 }, () => deferred())
  const mapped = mapWithLimit(3, gates, async (gate, index) => {
    most = Math.max(most, ++running)
    await gate.promise
    running--
    return index
  })
  await turn()
  assert.is(running, 3)
  for (const gate of [...gates].reverse()) gate.resolve()
  assert.equal(await mapped, [0, 1, 2, 3, 4, 5, 6])
  assert.is(most, 3)
  assert.equal(await mapWithLimit(3, [], async () => assert.unreachable()), [])
})

test('the first failure is thrown', async () => {
  const outcome = mapWithLimit(2, [1, 2, 3], async (item) => {
    throw new Error(`failed ${item}`)
  })
  await outcome.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'failed 1'),
  )
})

test('no call starts after a failure', async () => {
  const begun: number[] = []
  const items = Array.from({ length: 100 }, (_, index) => index)
  let rest: Promise<unknown> = Promise.resolve()
  try {
    await mapWithLimit(4, items, async (item) => {
      begun.push(item)
      if (item === 1) throw new Error('the second item')
      rest = rest.then(() => undefined)
      await rest
    })
    assert.unreachable('it settled')
  } catch (reason) {
    assert.is((reason as Error).message, 'the second item')
  }
  // All that is under way has its say before the next turn of the event loop.
  await turn()
  assert.equal(begun, [0, 1, 2, 3])
})

test.run()
