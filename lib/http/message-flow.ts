import type { IncomingMessage, ServerResponse } from 'node:http'
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
 * Chunks of all connections per turn of the event loop; then none is read until the next turn. Node reads each socket up to
 * 32 times in a turn: one read is 64 KiB, or 11,000 chunks of one byte, which take 20 ms.
 */
const chunksPerTurn = 1000

/** A connection that sends more chunks than this in a turn waits in a queue, of which one connection is read per turn. */
const fewChunks = 100

/** Processing a request takes as long as this many chunks. */
const chunksPerRequest = 20

/**
 * Requests that may wait on a connection for the response to an earlier one. Node reads 2,000 short ones at once and keeps
 * 3 KB for each; clients that pipeline requests send few.
 */
const maxWaitingRequests = 32

interface Connection {
  readonly open: () => void
  readonly close: () => void
  /** By its message. */
  isPaused: boolean
  /** Until a later turn. */
  isHeld: boolean
  /** Requests that wait for the response to an earlier one. */
  waitingRequests: number
  isOpen: boolean
  /** Chunks in this turn. */
  chunks: number
  bringsMany: boolean
  /** Whether it is tracked between messages. */
  isKept: boolean
}

/** The tracked connections of all servers: they share one event loop. */
const connections = new Set<Connection>()
const ofSocket = new WeakMap<Socket, Connection>()
/** FIFO queue of the connections that wait for a later turn. */
const held = new Set<Connection>()
let chunksInTurn = 0
let isNextTurnSet = false

/**
 * Starts to pass the chunks of a body to `take`. In HTTP/1, takes them from Node's parser: the buffer of the message costs
 * 200 bytes per chunk, and its events take four times as long as the parser.
 */
export function startFlow(message: IncomingMessage, take: (chunk: Uint8Array) => void): MessageFlow {
  const { socket, push } = message
  const isParsed = message.httpVersionMajor < 2 && socket instanceof Socket
  const connection = isParsed ? connectionOf(socket) : connectionOfStream(message)

  function onData(chunk: Uint8Array): void {
    countChunks(connection, 1)
    take(chunk)
  }

  function setPaused(isPaused: boolean): void {
    connection.isPaused = isPaused
    settle(connection)
  }

  function end(): void {
    if (!connection.isKept) forget(connection)
    setPaused(false)
  }

  connections.add(connection)
  message.on('data', onData).once('close', end).resume()
  if (isParsed) {
    message.push = (chunk, encoding) => {
      // Chunks that the message has buffered come first, and other listeners need its event.
      const isEvent = chunk === null || message.readableLength > 0 || message.listenerCount('data') > 1
      if (isEvent) return push.call(message, chunk, encoding)
      onData(chunk)
      return true
    }
  }
  if (chunksInTurn >= chunksPerTurn) hold(connection)
  return {
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    stop() {
      message.push = push
      message.off('data', onData).off('close', end)
      end()
    },
  }
}

/**
 * Tracks a new connection before its first request, with which up to 64 KiB of a body arrive. The connection must not carry
 * requests of other handlers: it is paused and resumed between requests.
 */
export function shareTurns(socket: Socket): void {
  connectionOf(socket).isKept = true
}

/**
 * Waits until the responses to earlier requests of the connection have been sent, and reads nothing from it meanwhile. Closes
 * a connection on which too many requests wait; the result never settles then.
 */
export async function waitForTurn(socket: Socket, res: ServerResponse): Promise<void> {
  // Node still passes on the other requests that it has read.
  if (socket.destroyed) return new Promise(() => undefined)
  const connection = connectionOf(socket)
  connections.add(connection)
  connection.waitingRequests += 1
  countChunks(connection, chunksPerRequest)
  settle(connection)
  if (connection.waitingRequests > maxWaitingRequests) socket.destroy()
  await new Promise((resolve) => res.once('socket', resolve))
  connection.waitingRequests -= 1
  if (!connection.isKept) forget(connection)
  settle(connection)
}

function countChunks(connection: Connection, chunks: number): void {
  connection.chunks += chunks
  if (connection.chunks >= fewChunks) connection.bringsMany = true
  const before = chunksInTurn
  chunksInTurn += chunks
  if (before === 0) setNextTurn()
  if (before < chunksPerTurn && chunksInTurn >= chunksPerTurn) for (const each of connections) hold(each)
}

function hold(connection: Connection): void {
  connection.isHeld = true
  held.add(connection)
  settle(connection)
  setNextTurn()
}

function setNextTurn(): void {
  if (isNextTurnSet) return
  isNextTurnSet = true
  setImmediate(beginTurn)
}

/** Resumes the connections that send few chunks, and one of the others: together these would block the loop again. */
function beginTurn(): void {
  isNextTurnSet = false
  chunksInTurn = 0
  let hasManyToCome = false
  for (const connection of held) {
    if (connection.bringsMany && hasManyToCome) continue
    hasManyToCome ||= connection.bringsMany
    connection.bringsMany = false
    connection.isHeld = false
    held.delete(connection)
    settle(connection)
  }
  for (const connection of connections) connection.chunks = 0
  if (held.size > 0) setNextTurn()
}

function settle(connection: Connection): void {
  const isOpen = !connection.isPaused && !connection.isHeld && connection.waitingRequests === 0
  if (isOpen === connection.isOpen) return
  connection.isOpen = isOpen
  if (isOpen) connection.open()
  else connection.close()
}

function forget(connection: Connection): void {
  connections.delete(connection)
  held.delete(connection)
  connection.isHeld = false
}

/**
 * In HTTP/1, pauses the socket itself: a paused message would buffer another 16 KiB, in chunks of any size. Node resumes
 * the socket whenever the message wants more, so it is paused again each time.
 */
function connectionOf(socket: Socket): Connection {
  const known = ofSocket.get(socket)
  if (known !== undefined) return known
  const pause = (): void => void socket.pause()
  const connection = createConnection(
    () => void socket.off('resume', pause).resume(),
    () => void socket.on('resume', pause).pause(),
  )
  ofSocket.set(socket, connection)
  connections.add(connection)
  socket.once('close', () => forget(connection))
  return connection
}

function connectionOfStream(message: IncomingMessage): Connection {
  return createConnection(
    () => void message.resume(),
    () => void message.pause(),
  )
}

function createConnection(open: () => void, close: () => void): Connection {
  return {
    open,
    close,
    isPaused: false,
    isHeld: false,
    waitingRequests: 0,
    isOpen: true,
    chunks: 0,
    bringsMany: false,
    isKept: false,
  }
}
