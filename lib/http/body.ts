import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { S3Error } from '../errors.js'
import type { ByteAccount } from './byte-budget.js'
import { type ByteCollector, createByteCollector } from './collect.js'
import { hasBody } from './early-answer.js'

/** Minimum progress per timeout period in bytes; slower senders (slow-loris) get RequestTimeout. */
const leastProgressBytes = 4096

/** Bytes that may wait to be asked for before the connection is no longer read. */
const maxWaitingBytes = 64 * 1024

/** Pieces that come faster than they are asked for are joined up to this size in bytes. */
const joinedBytes = 16 * 1024

/** How a body is read. */
export interface BodyOptions {
  /** How long a sender may take for the next 4 KiB, in milliseconds. Time in which nobody asks for more does not count. */
  readonly timeoutMilliseconds: number
  /** Called when the body is first asked for. */
  readonly beforeBody?: (() => void) | undefined
  /** Counts the bytes that wait to be asked for. */
  readonly memory: ByteAccount
}

/** The body of a message, to be read once. */
export interface MessageBody extends AsyncIterableIterator<Uint8Array> {
  /** Drops what was not read and lets the message go on. It does not destroy the message, whose socket the answer needs. */
  close(): void
}

/**
 * Reads the body of a message: throws RequestTimeout for a sender that is too slow and SlowDown if `memory` is used up.
 * What arrives is taken from Node at once, which would keep an object of 200 bytes for each chunk, however small.
 */
export function readBody(message: IncomingMessage, options: BodyOptions): MessageBody {
  const { memory, timeoutMilliseconds, beforeBody } = options
  const gate = createGate(message)
  const waiting: ByteCollector[] = []
  let waitingBytes = 0
  let isEnded = false
  let failure: unknown
  let wake: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let progress = 0
  let isDue = false

  function onData(chunk: Uint8Array): void {
    try {
      memory.hold(chunk.length)
    } catch (error) {
      fail(error)
      return
    }
    const last = waiting.at(-1)
    if (last !== undefined && last.length + chunk.length <= joinedBytes) last.append(chunk)
    else {
      const piece = createByteCollector()
      piece.append(chunk)
      waiting.push(piece)
    }
    waitingBytes += chunk.length
    if (waitingBytes >= maxWaitingBytes) gate.close()
    wakeSoon()
  }

  /** After the rest of what the socket has brought, so that its small chunks come as one piece. */
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
    message.off('data', onData).off('end', end).off('close', onClose)
    // An error without a listener would end the process in some versions of HTTP/2.
    message.off('error', fail).on('error', () => undefined)
    clearTimeout(timer)
    waiting.length = 0
    memory.release(waitingBytes)
    waitingBytes = 0
    gate.open()
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
    if (waitingBytes < maxWaitingBytes) gate.open()
    return piece
  }

  async function next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (timer === undefined && !isEnded) {
      beforeBody?.()
      startTimer()
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

  // HTTP/2 needs no header to announce a body.
  if (hasBody(message) || message.httpVersionMajor >= 2) {
    message.on('data', onData).once('end', end).once('close', onClose).once('error', fail)
  } else isEnded = true

  return {
    next,
    close,
    async return() {
      close()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Stops and starts what the connection of a message brings. */
interface Gate {
  open(): void
  close(): void
}

/**
 * Of HTTP/1, the socket itself is paused: a paused message would take 16 KiB more of content, in chunks of any size. Node
 * resumes the socket whenever the message wants more, so each time it is paused again.
 */
function createGate(message: IncomingMessage): Gate {
  const { socket } = message
  if (message.httpVersionMajor >= 2 || !(socket instanceof Socket)) {
    return { open: () => void message.resume(), close: () => void message.pause() }
  }
  let isClosed = false
  const pause = (): void => void socket.pause()
  return {
    open() {
      if (!isClosed) return
      isClosed = false
      socket.off('resume', pause).resume()
    },
    close() {
      if (isClosed) return
      isClosed = true
      socket.on('resume', pause).pause()
    },
  }
}
