import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { inspect } from 'node:util'
import { type AuthConfig, createPfsClient, createS3Handler, type S3HandlerOptions } from '../../../lib/index.js'
import { connect } from './connect.js'

/** The options of the process, as JSON. */
export interface Settings {
  /** Where PFS is. */
  readonly address: string
  readonly options: Pick<S3HandlerOptions, 'maxSharedBodyBytes' | 'cacheBytes' | 'maxBufferedBytes' | 'cors'>
  /** 'none' where absent. */
  readonly mode?: Exclude<AuthConfig['mode'], 'keys'>
}

/** The memory of a process. */
export interface Measured {
  /** On the heap, and in buffers beside it. */
  readonly bytes: number
  /** Part of them that waits in the buffers of sockets. */
  readonly socketBytes: number
  /** In memory, whatever for. */
  readonly residentBytes: number
  /** Since the process began. */
  readonly processorMilliseconds: number
  /** Most that the process has taken between two turns of its timers since the last question. */
  readonly longestTurnMilliseconds: number
  /** File descriptors. */
  readonly files: number
  /** Timers that keep the process alive. */
  readonly timers: number
  /** Errors that were reported to the operator so far. */
  readonly errors: readonly string[]
}

const settings: Settings = JSON.parse(process.argv[2] ?? '')
const pfs = createPfsClient(settings.address)
await connect(pfs)
const errors: string[] = []
const handler = createS3Handler(
  pfs,
  { mode: settings.mode ?? 'none' },
  { ...settings.options, onError: (error) => errors.push(inspect(error)) },
)
const server = createServer(handler)
server.on('connection', handler.connection)
const connections = new Set<Socket>()
let onIdle = (): void => {}
server.on('connection', (socket) => {
  connections.add(socket)
  socket.once('close', () => {
    connections.delete(socket)
    if (connections.size === 0) onIdle()
  })
})

/** Milliseconds of processor time, of this process alone and not of its neighbours. */
function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

let lastTurn = processorMilliseconds()
let longestTurnMilliseconds = 0
setInterval(() => {
  const now = processorMilliseconds()
  longestTurnMilliseconds = Math.max(longestTurnMilliseconds, now - lastTurn)
  lastTurn = now
}, 1).unref()

/** Bytes that the open connections have brought. */
function received(): number {
  return [...connections].reduce((sum, socket) => sum + socket.bytesRead, 0)
}

function measure(): Measured {
  const used = { longestTurnMilliseconds, processorMilliseconds: processorMilliseconds() }
  for (let round = 0; round < 4; round++) globalThis.gc?.()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  lastTurn = processorMilliseconds()
  longestTurnMilliseconds = 0
  return {
    ...used,
    bytes: heapUsed + arrayBuffers,
    socketBytes: [...connections].reduce((sum, socket) => sum + socket.writableLength, 0),
    residentBytes: rss,
    files: readdirSync('/proc/self/fd').length,
    timers,
    errors,
  }
}

process.on('message', (question) => {
  if (question === 'measure') void handler.flush().then(() => process.send?.(measure()))
  else if (question === 'received') process.send?.(received())
  else {
    onIdle = () => {
      onIdle = () => {}
      process.send?.('idle')
    }
    if (connections.size === 0) onIdle()
  }
})
process.once('disconnect', () => {
  server.close()
  server.closeAllConnections()
  pfs.close()
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  process.send?.((server.address() as AddressInfo).port)
})
