import type { IncomingMessage, ServerResponse } from 'node:http'
import { S3Error } from '../errors.js'
import type { ByteAccount } from './byte-budget.js'
import { ByteCollector } from './byte-reader.js'
import { type MessageFlow, startFlow } from './message-flow.js'

/** Minimum progress per timeout period in bytes; slower senders (slow-loris) get RequestTimeout. */
const leastProgressBytes = 4096

/** High-water mark in bytes: reading from the connection pauses when this much is buffered. */
const maxWaitingBytes = 64 * 1024

/** Small chunks are joined up to this size in bytes while they are buffered. */
const joinedBytes = 16 * 1024

/** Limits and hooks of `readBody`. */
interface BodyOptions {
  /** Maximum time for the next 4 KiB, in milliseconds. Time in which the consumer does not ask for more is not counted. */
  readonly timeoutMilliseconds: number
  /** Larger bodies get EntityTooLarge: at the first read if they are announced, otherwise as soon as they exceed it. */
  readonly maxBytes: number
  /** Called at the first read. */
  readonly beforeBody?: (() => void) | undefined
  /** Counts the buffered bytes. */
  readonly memory: ByteAccount
}

/** The body of a message, to be read once. */
export interface MessageBody extends AsyncIterableIterator<Uint8Array> {
  /** Discards the rest of the body. Keeps the message open, since the response needs its socket. */
  close(): void
  /** Bytes that have arrived, read or not. */
  receivedBytes(): number
}

/**
 * Reads the body of a message and buffers up to 64 KiB ahead, even before the first read.
 *
 * @throws S3Error RequestTimeout if the sender is too slow, SlowDown if `memory` is exhausted, EntityTooLarge beyond
 * `maxBytes`.
 */
export function readBody(message: IncomingMessage, options: BodyOptions): MessageBody {
  const { memory, timeoutMilliseconds, maxBytes, beforeBody } = options
  const waiting: ByteCollector[] = []
  let waitingBytes = 0
  let receivedBytes = 0
  let flow: MessageFlow | undefined
  let isEnded = false
  let failure: unknown
  let wake: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let progress = 0
  let isDue = false

  function onData(chunk: Uint8Array): void {
    receivedBytes += chunk.length
    if (receivedBytes > maxBytes) {
      fail(tooLarge(receivedBytes))
      return
    }
    try {
      memory.hold(chunk.length)
    } catch (error) {
      fail(error)
      return
    }
    const last = waiting.at(-1)
    if (last !== undefined && last.length + chunk.length <= joinedBytes) last.append(chunk)
    else {
      const piece = new ByteCollector()
      piece.append(chunk)
      waiting.push(piece)
    }
    waitingBytes += chunk.length
    if (waitingBytes >= maxWaitingBytes) flow?.pause()
    wakeSoon()
  }

  /** Waits for the rest of the socket's current data, so that small chunks are delivered as one. */
  function wakeSoon(): void {
    if (wake !== undefined) setImmediate(wake)
    wake = undefined
  }

  function end(): void {
    isEnded = true
    wakeSoon()
  }

  function onClose(): void {
    if (!isEnded) fail(new Error('the connection was closed before the end of the body'))
  }

  function fail(error: unknown): void {
    failure ??= error
    drop()
    end()
  }

  function drop(): void {
    message.off('end', end).off('close', onClose)
    // Without a listener, an error would crash the process in some versions of HTTP/2.
    message.off('error', fail).on('error', () => undefined)
    clearTimeout(timer)
    waiting.length = 0
    memory.release(waitingBytes)
    waitingBytes = 0
    flow?.stop()
  }

  function tooLarge(size: number): S3Error {
    const fields = { ProposedSize: String(size), MaxSizeAllowed: String(maxBytes) }
    return new S3Error('EntityTooLarge', { fields })
  }

  function startTimer(): void {
    timer = setTimeout(() => {
      isDue = true
      if (wake !== undefined) fail(new S3Error('RequestTimeout'))
    }, timeoutMilliseconds)
  }

  function takeWaiting(): Uint8Array | undefined {
    const piece = waiting.shift()?.bytes()
    if (piece === undefined) return undefined
    waitingBytes -= piece.length
    memory.release(piece.length)
    progress += piece.length
    if (waitingBytes < maxWaitingBytes) flow?.resume()
    return piece
  }

  async function next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (timer === undefined && !isEnded) {
      const announced = Number(message.headers['content-length'] ?? 0)
      if (announced > maxBytes) fail(tooLarge(announced))
      else {
        beforeBody?.()
        startTimer()
      }
    } else if (isDue || progress >= leastProgressBytes) {
      isDue = false
      progress = 0
      timer?.refresh()
    }
    for (;;) {
      const piece = takeWaiting()
      if (piece !== undefined) return { done: false, value: piece }
      if (isEnded) {
        clearTimeout(timer)
        if (failure !== undefined) throw failure
        return { done: true, value: undefined }
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  function close(): void {
    if (isEnded && waiting.length === 0) clearTimeout(timer)
    else {
      drop()
      end()
    }
  }

  // In HTTP/2, no header announces a body.
  if (hasBody(message) || message.httpVersionMajor >= 2) {
    message.once('end', end).once('close', onClose).once('error', fail)
    flow = startFlow(message, onData)
  } else isEnded = true

  return {
    next,
    close,
    receivedBytes: () => receivedBytes,
    async return() {
      close()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Bytes to drain after an early response; closing earlier would reset the connection before the client reads it. */
const maxDiscardedBytes = 16 * 1024 * 1024
const maxDiscardMilliseconds = 5_000

/** Whether a message has a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Whether the client may still be sending this message. */
export function hasMoreToSend(req: IncomingMessage): boolean {
  return !req.complete && hasBody(req)
}

/**
 * Ends a response that was sent before the body was read. Closing the socket while the client sends would reset the
 * connection and lose the response, so the rest of the body is drained, up to a limit.
 */
export async function endEarly(req: IncomingMessage, res: ServerResponse, content: string | undefined): Promise<void> {
  if (content === undefined) res.flushHeaders()
  else res.write(content)
  await discard(req)
  res.end()
}

function discard(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const done = (): void => {
      clearTimeout(timer)
      flow.stop()
      req.off('end', done).off('close', done).off('error', done).pause()
      resolve()
    }
    const timer = setTimeout(done, maxDiscardMilliseconds)
    req.once('end', done).once('close', done).once('error', done)
    const flow = startFlow(req, (chunk) => {
      bytes += chunk.length
      if (bytes > maxDiscardedBytes) done()
    })
    if (req.destroyed || req.readableEnded) done()
  })
}
