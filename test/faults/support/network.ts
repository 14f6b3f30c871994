import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Duplex, Transform } from 'node:stream'
import { createFrameReader } from './frames.js'

/** A network between two processes that can fail. */
export interface Network {
  /** `grpc://127.0.0.1:port`. */
  readonly address: string
  /** Where connections go; undefined refuses them. */
  target: number | undefined
  /** Breaks all connections. */
  cut(): void
  /** Lets nothing through, in either direction, until `resume`. */
  stall(): void
  resume(): void
  /** New connections bring one small piece in each turn of the event loop. */
  slow: boolean
  /** How many calls the client has reset. */
  resets: number
  /** Bytes that PFS has sent. */
  received: number
  close(): Promise<void>
}

const slowPieceBytes = 2048
/** RST_STREAM (RFC 9113, 6.4). */
const resetFrame = 3

/** Listens on a free port and passes everything on to `target`. */
export async function startNetwork(target: number): Promise<Network> {
  const sockets = new Set<Socket>()
  const gates = new Set<Gate>()
  let isStalled = false
  const server = createServer((client) => {
    if (network.target === undefined) {
      client.destroy()
      return
    }
    const upstream = connect(network.target, '127.0.0.1')
    client.on('data', createFrameReader(countReset))
    upstream.on('data', (bytes) => {
      network.received += bytes.length
    })
    pass(client, upstream)
    pass(upstream, client)
  })

  function pass(from: Socket, to: Socket): void {
    from.setNoDelay()
    sockets.add(from)
    const gate = createGate(network.slow)
    gates.add(gate)
    gate.setOpen(!isStalled)
    from.on('error', () => {})
    from.on('close', () => {
      sockets.delete(from)
      gates.delete(gate)
      to.destroy()
    })
    from.pipe(gate.stream).pipe(to)
  }

  function countReset(type: number): void {
    if (type === resetFrame) network.resets++
  }

  function setStalled(stall: boolean): void {
    isStalled = stall
    for (const gate of gates) gate.setOpen(!stall)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const network: Network = {
    address: `grpc://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target,
    slow: false,
    resets: 0,
    received: 0,
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    stall: () => setStalled(true),
    resume: () => setStalled(false),
    async close() {
      network.cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return network
}

interface Gate {
  readonly stream: Duplex
  setOpen(open: boolean): void
}

function createGate(slow: boolean): Gate {
  let isOpen = true
  let waiting: (() => void) | undefined
  const stream = new Transform({
    transform(chunk: Buffer, _, done) {
      let offset = 0
      const next = (): void => {
        if (!isOpen) {
          waiting = next
          return
        }
        if (!slow) {
          done(null, chunk)
          return
        }
        this.push(chunk.subarray(offset, offset + slowPieceBytes))
        offset += slowPieceBytes
        if (offset < chunk.length) setImmediate(next)
        else setImmediate(done)
      }
      next()
    },
  })
  return {
    stream,
    setOpen(open) {
      isOpen = open
      if (!open) return
      waiting?.()
      waiting = undefined
    },
  }
}
