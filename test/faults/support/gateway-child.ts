import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { createPfsClient, createS3Handler, type S3HandlerOptions } from '../../../lib/index.js'
import { connect } from './connect.js'

/** What the process is started with, as JSON. */
export interface Settings {
  /** Where PFS is. */
  readonly address: string
  readonly options: Pick<S3HandlerOptions, 'maxSharedBodyBytes' | 'cacheBytes'>
}

/** What a process holds. */
export interface Measured {
  /** On the heap, and in buffers beside it. */
  readonly bytes: number
  /** File descriptors. */
  readonly files: number
  /** Timers that keep the process alive. */
  readonly timers: number
  /** What was told to the operator so far. */
  readonly errors: readonly string[]
}

const settings: Settings = JSON.parse(process.argv[2] ?? '')
const pfs = createPfsClient(settings.address)
await connect(pfs)
const errors: string[] = []
const handler = createS3Handler(
  pfs,
  { mode: 'none' },
  { ...settings.options, onError: (error) => errors.push(inspect(error)) },
)
const server = createServer(handler)
let connections = 0
let onIdle = (): void => {}
server.on('connection', (socket) => {
  connections++
  socket.once('close', () => {
    connections--
    if (connections === 0) onIdle()
  })
})

function measure(): Measured {
  for (let round = 0; round < 4; round++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  return { bytes: heapUsed + arrayBuffers, files: readdirSync('/proc/self/fd').length, timers, errors }
}

process.on('message', (question) => {
  if (question === 'measure') process.send?.(measure())
  else {
    onIdle = () => {
      onIdle = () => {}
      process.send?.('idle')
    }
    if (connections === 0) onIdle()
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
