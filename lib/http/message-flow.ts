import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** Takes the body of a message as it arrives. */
export interface MessageFlow {
  /** Stops reading the connection; at most what the socket has just brought still comes. */
  pause(): void
  resume(): void
  /** Takes no more and lets the message go on by itself. */
  stop(): void
}

/**
 * Chunks of one message in one turn of the event loop. Node reads a socket up to 32 times in a turn, which is two megabytes
 * or 350,000 chunks of one byte: half a second in which no other request is served.
 */
const chunksPerTurn = 1000

/** Starts to hand the chunks of a body to `take`. Nothing waits in Node, which would keep an object of 200 bytes for each. */
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

/** Opens and shuts the way from a connection to its message. */
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
