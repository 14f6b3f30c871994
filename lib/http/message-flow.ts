import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** Delivers the body of a message as it arrives. */
export interface MessageFlow {
  /** Stops reading from the connection; data that the socket has already read is still delivered. */
  pause(): void
  resume(): void
  /** Stops delivery and lets the rest of the message flow unread. */
  stop(): void
}

/**
 * Chunks of one message per turn of the event loop. Node reads a socket up to 32 times in a turn: two megabytes, or 350,000
 * chunks of one byte, which would block every other request for half a second.
 */
const chunksPerTurn = 1000

/** Starts to pass the chunks of a body to `take`. Node's own buffer is not used: it costs 200 bytes per chunk. */
export function startFlow(message: IncomingMessage, take: (chunk: Uint8Array) => void): MessageFlow {
  const gate = createGate(message)
  let isPaused = false
  let chunks = 0

  function onData(chunk: Uint8Array): void {
    chunks += 1
    if (chunks === 1) setImmediate(onNextTurn)
    if (chunks === chunksPerTurn) gate.close()
    take(chunk)
  }

  function onNextTurn(): void {
    chunks = 0
    if (!isPaused) gate.open()
  }

  message.on('data', onData).resume()
  return {
    pause() {
      isPaused = true
      gate.close()
    },
    resume() {
      isPaused = false
      if (chunks < chunksPerTurn) gate.open()
    },
    stop() {
      message.off('data', onData)
      isPaused = false
      gate.open()
    },
  }
}

/** Pauses and resumes the flow from a connection to its message. */
interface Gate {
  open(): void
  close(): void
}

/**
 * In HTTP/1, pauses the socket itself: a paused message would buffer another 16 KiB, in chunks of any size. Node resumes
 * the socket whenever the message wants more, so it is paused again each time.
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
