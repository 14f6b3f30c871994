import { Client, credentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallOptions, Commit, FileOperation, FileOperations } from '../../../lib/pfs/client.js'
import { PfsError } from '../../../lib/pfs/errors.js'
import { modifyFileRequest } from '../../../lib/pfs/grpc/codec/file-operations.js'
import { deferred } from '../../support/deferred.js'
import { failureOf, head, served } from './served.js'

const test = suite('pfs/grpc/uploads')

const mebibyte = 1024 * 1024
const piece: FileOperation = { addFile: { path: '/a', raw: new Uint8Array(mebibyte) } }

/** A modifyFile that reads to the end, and what happened to it. */
function recordingPfs() {
  const started = deferred()
  const ended = deferred<'complete' | Error>()
  const modifyFile = async (_commit: Commit, operations: FileOperations) => {
    try {
      for await (const _ of operations) started.resolve()
      ended.resolve('complete')
    } catch (error) {
      ended.resolve(error as Error)
      throw error
    }
  }
  return { modifyFile, started: started.promise, ended: ended.promise }
}

test('operations that throw commit nothing, and their error is thrown', async () => {
  const { modifyFile, started, ended } = recordingPfs()
  const reason = new Error('the body has a wrong digest')
  async function* operations() {
    yield piece
    await started
    throw reason
  }
  await served({ modifyFile }, async (pfs) => {
    assert.is(await failureOf(pfs.modifyFile(head, operations())), reason)
    assert.instance(await ended, Error)
  })
})

test('an abort during an upload commits nothing and closes the operations', async () => {
  const { modifyFile, started, ended } = recordingPfs()
  const controller = new AbortController()
  let left = false
  async function* operations() {
    try {
      yield piece
      await started
      controller.abort()
      yield piece
    } finally {
      left = true
    }
  }
  await served({ modifyFile }, async (pfs) => {
    const error = await failureOf(pfs.modifyFile(head, operations(), { signal: controller.signal }))
    assert.is(error.status, 'CANCELLED')
    assert.instance(await ended, Error)
    assert.ok(left)
  })
})

test('an upload that another client resets commits nothing, either', async () => {
  const { modifyFile, started, ended } = recordingPfs()
  await served({ modifyFile }, async (_, address) => {
    const client = new Client(address.slice('grpc://'.length), credentials.createInsecure())
    const call = client.makeClientStreamRequest(
      '/pfs_v2.API/ModifyFile',
      modifyFileRequest.encode,
      Buffer.from,
      () => {},
    )
    call.write({ setCommit: head })
    call.write(piece)
    await started
    call.cancel()
    assert.instance(await ended, Error)
    client.close()
  })
})

test('a refusal during the wait for the next operation is thrown at once, and the operations are closed', async () => {
  const modifyFile = async () => {
    throw new PfsError('NOT_FOUND', 'repo default/images not found')
  }
  const left = deferred()
  const operations: AsyncIterable<FileOperation> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: async () => {
        left.resolve()
        return { done: true, value: undefined }
      },
    }),
  }
  await served({ modifyFile }, async (pfs) => {
    const error = await failureOf(pfs.modifyFile(head, operations))
    assert.is(error.status, 'NOT_FOUND')
    await left.promise
  })
})

test('a refusal while messages are blocked is thrown', async () => {
  const refuse = deferred()
  const modifyFile = async () => {
    await refuse.promise
    throw new PfsError('UNKNOWN', 'disk full')
  }
  let sent = 0
  async function* operations() {
    for (; sent < 1000; sent++) {
      if (sent === 10) refuse.resolve()
      yield piece
    }
  }
  await served({ modifyFile }, async (pfs) => {
    const error = await failureOf(pfs.modifyFile(head, operations()))
    assert.is(error.message, 'disk full')
    assert.ok(sent < 1000)
  })
})

test('a slow server slows down the operations', async () => {
  const reading = deferred()
  let arrived = 0
  const modifyFile = async (_: Commit, operations: FileOperations) => {
    await reading.promise
    for await (const _ of operations) arrived++
  }
  const whoAmI = async () => ({ username: 'x' })
  let pulled = 0
  function* operations() {
    for (; pulled < 200; pulled++) yield piece
  }
  await served({ modifyFile, whoAmI }, async (pfs) => {
    const uploading = pfs.modifyFile(head, operations())
    // Meanwhile the client has the time to send all that it would.
    for (let trip = 0; trip < 100; trip++) await pfs.whoAmI()
    // grpc-js's server reads 16 messages ahead; the others are in the window and in transit.
    assert.ok(pulled > 0 && pulled <= 24, `${pulled} messages were pulled for a server that took none`)
    reading.resolve()
    await uploading
  })
  assert.is(arrived, 200)
})

test('a raw of many chunks arrives completely', async () => {
  const raw = Buffer.alloc(5 * mebibyte + 3, 'pieces')
  const arrived: Uint8Array[] = []
  const createFileSet = async (operations: FileOperations) => {
    for await (const operation of operations) if ('addFile' in operation) arrived.push(operation.addFile.raw)
    return 'set'
  }
  await served({ createFileSet }, async (pfs) => {
    assert.is(await pfs.createFileSet([{ addFile: { path: '/a', raw } }]), 'set')
  })
  assert.is(arrived.length, 6)
  assert.ok(Buffer.concat(arrived).equals(raw))
})

/** Sends raw messages of ModifyFile and resolves to the status details, '' when it went well. */
function modifyRaw(address: string, messages: Buffer[]): Promise<string> {
  const client = new Client(address.slice('grpc://'.length), credentials.createInsecure())
  return new Promise((resolve) => {
    const identity = (bytes: Buffer) => bytes
    const call = client.makeClientStreamRequest('/pfs_v2.API/ModifyFile', identity, identity, (error) => {
      client.close()
      resolve(error === null ? '' : `${error.code} ${error.details}`)
    })
    for (const message of messages) call.write(message)
    call.end()
  })
}

test('the first message must be a commit, and only the first', async () => {
  const modifyFile = async (_: Commit, operations: FileOperations) => {
    for await (const _ of operations);
  }
  const commit = modifyFileRequest.encode({ setCommit: head })
  const operation = modifyFileRequest.encode({ deleteFile: { path: '/a' } })
  await served({ modifyFile }, async (_, address) => {
    assert.is(await modifyRaw(address, []), '2 EOF')
    assert.is(await modifyRaw(address, [operation]), '2 first message must be a commit')
    assert.match(await modifyRaw(address, [commit, commit]), /^2 only the first message/)
    assert.match(await modifyRaw(address, [commit, Buffer.of(7)]), /^13 a request cannot be decoded/)
    assert.is(await modifyRaw(address, [commit]), '')
    assert.is(await modifyRaw(address, [commit, operation, operation]), '')
  })
})

test('a message above 20 MiB is RESOURCE_EXHAUSTED', async () => {
  const { modifyFile, ended } = recordingPfs()
  const commit = modifyFileRequest.encode({ setCommit: head })
  const raw = (length: number) => modifyFileRequest.encode({ addFile: { path: '/a', raw: new Uint8Array(length) } })
  await served({ modifyFile }, async (_, address) => {
    assert.match(await modifyRaw(address, [commit, raw(20 * mebibyte)]), /^8 /)
    assert.instance(await ended, Error)
  })
  await served({ modifyFile }, async (_, address) => {
    assert.is(await modifyRaw(address, [commit, raw(20 * mebibyte - 100)]), '')
  })
})

test("the server's signal fires when the client leaves", async () => {
  const aborted = deferred()
  const started = deferred()
  const createFileSet = async (_: FileOperations, options?: CallOptions) => {
    options?.signal?.addEventListener('abort', () => aborted.resolve())
    started.resolve()
    await aborted.promise
    return 'set'
  }
  await served({ createFileSet }, async (pfs) => {
    const controller = new AbortController()
    const uploading = failureOf(pfs.createFileSet([], { signal: controller.signal }))
    await started.promise
    controller.abort()
    assert.is((await uploading).status, 'CANCELLED')
    await aborted.promise
  })
})

test.run()
