import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallOptions, File, FileInfo } from '../../../lib/pfs/client.js'
import { deferred } from '../../support/deferred.js'
import { collect, failureOf, file, head, served } from './served.js'

const test = suite('pfs/grpc/downloads')

const mebibyte = 1024 * 1024

/** Resolves when the signal of the server's side fires. */
function aborted(options: CallOptions | undefined): Promise<void> {
  return new Promise((resolve) => options?.signal?.addEventListener('abort', () => resolve()))
}

test('stalled readers stop the server after a few messages each, and other calls continue', async () => {
  const pulled = new Map<string, number>()
  async function* getFile({ file }: { file: File }) {
    for (let count = 1; count <= 64; count++) {
      pulled.set(file.path, count)
      yield Buffer.alloc(mebibyte)
    }
  }
  const inspectFile = async (): Promise<FileInfo> => ({ file, fileType: 'FILE', sizeBytes: 1, hash: new Uint8Array() })
  await served({ getFile, inspectFile }, async (pfs) => {
    const open = async (path: string) => {
      const reader = pfs.getFile({ file: { commit: head, path } })[Symbol.asyncIterator]()
      await reader.next()
      return reader
    }
    const reader = await open('/read on')
    const stalled = await Promise.all(['/1', '/2', '/3', '/4', '/5'].map(open))
    // Meanwhile the server has the time to send all that it would.
    for (let trip = 0; trip < 100; trip++) await pfs.inspectFile(file)
    for (const [path, count] of pulled) {
      // One is read, a quarter of another one is in the flow-control window, the rest in the transport.
      assert.ok(count <= 5, `${count} messages were pulled of ${path}, of which one was read`)
    }
    while (!(await reader.next()).done);
    assert.is(pulled.get('/read on'), 64)
    for (const other of stalled) await other.return?.()
  })
})

test('leaving the loop early cancels the call', async () => {
  const cancelled = deferred()
  let returned = false
  async function* getFile(_: unknown, options?: CallOptions) {
    options?.signal?.addEventListener('abort', () => cancelled.resolve())
    try {
      for (;;) yield Buffer.alloc(mebibyte)
    } finally {
      returned = true
    }
  }
  await served({ getFile }, async (pfs) => {
    for await (const _ of pfs.getFile({ file })) break
    await cancelled.promise
  })
  assert.ok(returned, 'the iterable on the server was left')
})

test('an iterator that is not started makes no call', async () => {
  let calls = 0
  async function* listFile() {
    calls++
    yield* [] as FileInfo[]
  }
  await served({ listFile }, async (pfs) => {
    await pfs.listFile({ file })[Symbol.asyncIterator]().return?.()
    assert.is(calls, 0)
  })
})

test('an abort ends a pending read with CANCELLED and the reason, and reaches the server', async () => {
  const serverAborted = deferred()
  const started = deferred()
  async function* getFile(_: unknown, options?: CallOptions) {
    yield Buffer.from('first')
    started.resolve()
    await aborted(options)
    serverAborted.resolve()
  }
  await served({ getFile }, async (pfs) => {
    const controller = new AbortController()
    const reader = pfs.getFile({ file }, { signal: controller.signal })[Symbol.asyncIterator]()
    assert.is(Buffer.from((await reader.next()).value ?? []).toString(), 'first')
    const waiting = reader.next()
    await started.promise
    controller.abort(new Error('the client left'))
    const error = await failureOf(waiting)
    assert.is(error.status, 'CANCELLED')
    assert.match(String(error.cause), 'the client left')
    await serverAborted.promise
  })
})

test('an abort ends a unary call on both sides', async () => {
  const serverAborted = deferred()
  const started = deferred()
  const inspectFile = async (_: unknown, options?: CallOptions): Promise<FileInfo> => {
    started.resolve()
    await aborted(options)
    serverAborted.resolve()
    throw new Error('aborted')
  }
  await served({ inspectFile }, async (pfs) => {
    const controller = new AbortController()
    const waiting = pfs.inspectFile(file, { signal: controller.signal })
    await started.promise
    controller.abort()
    assert.is((await failureOf(waiting)).status, 'CANCELLED')
    await serverAborted.promise
  })
})

test('a signal that has already fired makes no call', async () => {
  let calls = 0
  const inspectFile = async (): Promise<FileInfo> => {
    calls++
    return { file, fileType: 'FILE', sizeBytes: 1, hash: new Uint8Array(32) }
  }
  await served({ inspectFile }, async (pfs) => {
    const signal = AbortSignal.abort()
    assert.is((await failureOf(pfs.inspectFile(file, { signal }))).status, 'CANCELLED')
    assert.is((await failureOf(pfs.modifyFile(head, [], { signal }))).status, 'CANCELLED')
    assert.is(calls, 0)
  })
})

test('a message of 20 MiB passes, byte for byte', async () => {
  const chunk = Buffer.alloc(20 * mebibyte, 'chunk')
  async function* getFile() {
    yield chunk
    yield chunk.subarray(0, 1)
  }
  await served({ getFile }, async (pfs) => {
    assert.ok(Buffer.concat([chunk, chunk.subarray(0, 1)]).equals(Buffer.concat(await collect(pfs.getFile({ file })))))
  })
})

test('a call beyond its deadline is DEADLINE_EXCEEDED; waiting for a commit has no deadline', async () => {
  const never = new Promise<never>(() => {})
  const waited = deferred()
  const inspectCommit = async (request: { wait?: string }) => {
    if (request.wait !== undefined) waited.resolve()
    return never
  }
  await served(
    { inspectCommit },
    async (pfs) => {
      const controller = new AbortController()
      const waiting = failureOf(pfs.inspectCommit({ commit: head, wait: 'FINISHED' }, { signal: controller.signal }))
      await waited.promise
      assert.is((await failureOf(pfs.inspectCommit({ commit: head }))).status, 'DEADLINE_EXCEEDED')
      controller.abort()
      assert.is((await waiting).status, 'CANCELLED')
    },
    { deadlineMilliseconds: 50 },
  )
})

test.run()
