import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPfsClient, createS3Handler, type S3HandlerOptions } from '../../../lib/index.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createMemoryPfs, type MemoryPfsOptions, type PfsServer, servePfs } from '../../../lib/testing/index.js'
import { connect } from './connect.js'
import { createFaultyPfs, type FaultyPfs } from './faulty-pfs.js'
import { type Network, startNetwork } from './network.js'

/** A gateway, PFS over gRPC behind it, and a network between them; each can fail. */
export interface Rig {
  readonly port: number
  /** PFS itself, without faults. */
  readonly truth: PachydermApi
  readonly pfs: FaultyPfs
  readonly wire: Network
  /** Errors that the handler reported to its operator. */
  readonly errors: readonly unknown[]
  /** Breaks PFS's connections and frees its port, as if its process had died; its content stays. */
  killPfs(): Promise<void>
  startPfs(): Promise<void>
  /** Settles when no connection is open, no request is answered and no call runs. */
  idle(): Promise<void>
  close(): Promise<void>
}

export interface RigSettings {
  readonly options?: S3HandlerOptions
  readonly memory?: MemoryPfsOptions
  /** The PFS of another rig, for a second gateway on it. */
  readonly truth?: PachydermApi
}

/** Starts a rig with an empty bucket; close it. */
export async function startRig({ options, memory, truth: shared }: RigSettings = {}): Promise<Rig> {
  const truth = shared ?? createMemoryPfs({ ...memory, repos: { data: { master: {} } } })
  const pfs = createFaultyPfs(truth)
  let served: PfsServer | undefined = await servePfs(pfs.client, '127.0.0.1:0')
  const wire = await startNetwork(served.port)
  const client = createPfsClient(wire.address)
  const errors: unknown[] = []
  const handler = createS3Handler(client, { mode: 'none' }, { ...options, onError: (error) => errors.push(error) })

  let exchanges = 0
  let connections = 0
  const changed = createSignal()
  const counted = (handle: RequestListener) => async (req: IncomingMessage, res: ServerResponse) => {
    exchanges++
    await handle(req, res)
    exchanges--
    changed.tell()
  }
  const server = createServer(counted(handler))
  server.on('checkContinue', counted(handler.checkContinue))
  server.on('connection', (socket) => {
    connections++
    socket.once('close', () => {
      connections--
      changed.tell()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await connect(client)

  const rig: Rig = {
    port: (server.address() as AddressInfo).port,
    truth,
    pfs,
    wire,
    errors,
    async killPfs() {
      wire.target = undefined
      const dying = served
      served = undefined
      await dying?.close({ force: true })
      wire.cut()
    },
    async startPfs() {
      served = await servePfs(pfs.client, '127.0.0.1:0')
      wire.target = served.port
    },
    async idle() {
      while (connections > 0 || exchanges > 0) await changed.next()
      // A call that the gateway has ended is still to be ended by PFS.
      while (pfs.running().length > 0) await turn()
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      client.close()
      await wire.close()
      await served?.close({ force: true })
    },
  }
  return rig
}

/** The open resources of this process: files, sockets, and everything that keeps the event loop alive, by kind. */
export function openThings(): Readonly<Record<string, number>> {
  const things: Record<string, number> = { files: readdirSync('/proc/self/fd').length }
  for (const kind of process.getActiveResourcesInfo()) things[kind] = (things[kind] ?? 0) + 1
  return things
}

/** Turns the event loop until the process holds no more resources than before; returns what is still open in the end. */
export async function leaked(before: Readonly<Record<string, number>>): Promise<readonly string[]> {
  const more = () =>
    Object.entries(openThings()).flatMap(([kind, count]) =>
      count > (before[kind] ?? 0) ? `${count - (before[kind] ?? 0)} ${kind}` : [],
    )
  for (let turns = 0; turns < 5000 && more().length > 0; turns++) await turn()
  return more()
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function createSignal() {
  let waiting: (() => void)[] = []
  return {
    next: () => new Promise<void>((resolve) => waiting.push(resolve)),
    tell() {
      const told = waiting
      waiting = []
      for (const each of told) each()
    },
  }
}
