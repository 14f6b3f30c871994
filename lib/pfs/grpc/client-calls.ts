import { setTimeout as wait } from 'node:timers/promises'
import type { Channel } from '@grpc/grpc-js'
import { yieldTurn } from '../../concurrency.js'
import { asBuffer } from '../../encoding.js'
import type { CallOptions, Commit, FileOperations } from '../client.js'
import { PfsError } from '../errors.js'
import type { ByteConnection } from './byte-stream.js'
import { type Call, type Download, startCall } from './call.js'
import { bytesValue, type Codec } from './codec/codec.js'
import { type ModifyFileRequest, messagesFromOperation, modifyFileRequest } from './codec/file-operations.js'
import { connected } from './connection.js'
import type { Method } from './methods.js'

/** A unary call: one request, one response. */
export async function callUnary<Request, Response>(
  channel: Channel,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
  { repeatable, deadlineMilliseconds }: { repeatable: boolean; deadlineMilliseconds: number },
): Promise<Response> {
  const message = method.request.encode(request)
  const attempt = async () => {
    const call = startCall(channel, method.path, options, deadlineMilliseconds)
    // Not awaited, so that the end of the request is sent in the same packet.
    call.send(message).catch(() => {})
    call.halfClose()
    return receiveOnly(call, method)
  }
  return repeatable
    ? attemptRepeatedly(channel, options.signal, attempt)
    : attemptOnce(channel, options.signal, attempt)
}

/** Reads a server stream as values; the call is retried only before its first message. */
export async function* callDownload<Request, Response>(
  channel: Channel,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): AsyncGenerator<Response, void, undefined> {
  const requestMessage = method.request.encode(request)
  const messages = readDownload(channel, options, () => startDownload(channel, method.path, requestMessage, options))
  for await (const message of messages) yield decodeResponse(method.response, message)
}

/** Bytes of `BytesValue` messages by grpc-js, for a PFS behind a proxy of the environment, which only grpc-js can use. */
export function byteConnectionOver(channel: Channel): ByteConnection {
  return {
    start(path, request, options) {
      const { receive, cancel } = startDownload(channel, path, request, options)
      return {
        cancel,
        async receive() {
          const message = await receive()
          return message && asBuffer(decodeResponse(bytesValue, message))
        },
      }
    },
    close: () => channel.close(),
  }
}

function startDownload(channel: Channel, path: string, request: Buffer, options: CallOptions): Download {
  const call = startCall(channel, path, options)
  call.send(request).catch(() => {})
  call.halfClose()
  return call
}

/** Reads what a call receives; starts the call again only before its first message, when the channel is connected. */
export async function* readDownload(
  channel: Channel,
  { signal }: CallOptions,
  start: () => Download,
): AsyncGenerator<Buffer, void, undefined> {
  const { call, first } = await attemptRepeatedly(channel, signal, async () => {
    const started = start()
    return { call: started, first: await started.receive() }
  })
  // Without this, all messages that have arrived together would be decoded in one turn of the event loop.
  try {
    for (let message = first; message !== undefined; message = await call.receive()) {
      yield message
      await yieldTurn()
    }
  } finally {
    call.cancel()
  }
}

/**
 * Sends a client stream: the commit, if given, then the operations. If the operations throw, the call is cancelled; if the
 * call fails, the iterator of the operations is closed.
 */
export async function callUpload<Response>(
  channel: Channel,
  method: Method<ModifyFileRequest, Response>,
  commit: Commit | undefined,
  operations: FileOperations,
  options: CallOptions,
): Promise<Response> {
  return attemptOnce(channel, options.signal, async () => {
    const call = startCall(channel, method.path, options)
    try {
      if (commit !== undefined) await call.send(modifyFileRequest.encode({ setCommit: commit }))
      await sendOperations(call, operations)
    } catch (error) {
      call.cancel()
      throw error
    }
    call.halfClose()
    return receiveOnly(call, method)
  })
}

/** Keeps one operation in memory at a time; notices a failed call while it waits for the next operation. */
async function sendOperations(call: Call, operations: FileOperations): Promise<void> {
  const iterator =
    Symbol.asyncIterator in operations ? operations[Symbol.asyncIterator]() : operations[Symbol.iterator]()
  let exhausted = false
  const next = async () => {
    try {
      const result = await iterator.next()
      exhausted = result.done === true
      return result
    } catch (error) {
      exhausted = true
      throw error
    }
  }
  try {
    for (let result = await call.whileOpen(next()); !result.done; result = await call.whileOpen(next())) {
      await yieldTurn()
      for (const message of messagesFromOperation(result.value)) await call.send(modifyFileRequest.encode(message))
    }
  } finally {
    // Not awaited: a generator that hangs in one of its awaits would delay the error.
    if (!exhausted)
      Promise.resolve()
        .then(() => iterator.return?.())
        .catch(() => {})
  }
}

async function receiveOnly<Response>(
  call: Call,
  method: { path: string; response: Codec<Response> },
): Promise<Response> {
  const message = await call.receive()
  if (message === undefined) throw new PfsError('INTERNAL', `${method.path} ended without a response`)
  await call.receive()
  return decodeResponse(method.response, message)
}

function decodeResponse<Response>(codec: Codec<Response>, message: Buffer): Response {
  try {
    return codec.decode(message)
  } catch (cause) {
    throw new PfsError('INTERNAL', 'a response cannot be decoded', { cause })
  }
}

/** How long a call waits for a connection, and a read for a PFS that is UNAVAILABLE, in milliseconds. */
const patienceMilliseconds = 2_500
const maxAttempts = 4
const firstPauseMilliseconds = 100

/** Makes a write once, when the channel is connected: after a failure, it is unknown whether PFS received it. */
async function attemptOnce<T>(
  channel: Channel,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  await connected(channel, Date.now() + patienceMilliseconds, signal)
  return attempt()
}

/** Makes a read, and retries it while PFS is UNAVAILABLE, a few times within a few seconds. */
async function attemptRepeatedly<T>(
  channel: Channel,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  const giveUpAt = Date.now() + patienceMilliseconds
  for (let attempts = 1; ; attempts++) {
    await connected(channel, giveUpAt, signal)
    try {
      return await attempt()
    } catch (error) {
      const passing = error instanceof PfsError && error.status === 'UNAVAILABLE'
      if (!passing || attempts === maxAttempts || Date.now() >= giveUpAt) throw error
      await pause(firstPauseMilliseconds * 3 ** (attempts - 1), signal)
    }
  }
}

/** Waits for 50 to 100 % of the time, so that many callers do not retry at once (back-off with jitter); abortable. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  const jittered = milliseconds * (0.5 + Math.random() / 2)
  await wait(jittered, undefined, signal && { signal }).catch(() => {})
}
