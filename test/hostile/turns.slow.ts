import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { bucket, repos } from '../faults/support/branch.js'
import { type GatewayProcess, startGatewayProcess } from '../faults/support/gateway-process.js'
import { slowness } from '../support/machine-speed.js'

/**
 * Classes 29 and 34 of README.md: no request takes the event loop for more than 50 ms of processor time at a time, nor do
 * many together.
 */
const test = suite<{ gateway: GatewayProcess; close: () => Promise<void> }>('turns of the event loop')

const longestTurn = 50 * slowness()
/** Node parses 2,300 short requests in one read of a socket, which takes 35 ms, and aborts them in as many. */
const longestTurnOfRequests = 2 * longestTurn

test.before(async (context) => {
  const pfs = createMemoryPfs({ repos })
  const served = await servePfs(pfs, '127.0.0.1:0')
  const gateway = await startGatewayProcess({ address: served.address, options: {} })
  context.gateway = gateway
  context.close = async () => {
    await gateway.stop()
    await served.close({ force: true })
  }
})

test.after(({ close }) => close())

const bytes = 15_000

function head(headers: readonly string[]): string {
  return [`PUT /${bucket}/tiny HTTP/1.1`, 'host: h', 'transfer-encoding: chunked', ...headers, '', ''].join('\r\n')
}

const awsChunked = ['content-encoding: aws-chunked', 'x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER']
const decoded = (length: number) => [...awsChunked, `x-amz-decoded-content-length: ${length}`]

const pipelined = 'requests that do not wait for each other'

/** Requests whose bodies do not end, so that nothing is stored, and reads. */
const senders: Readonly<Record<string, Buffer>> = {
  'HTTP chunks of one byte': Buffer.from(head([]) + '1\r\na\r\n'.repeat(bytes)),
  'aws-chunks of one byte': Buffer.from(
    `${head(decoded(bytes + 1))}${(6 * bytes).toString(16)}\r\n${'1\r\na\r\n'.repeat(bytes)}\r\n`,
  ),
  'HTTP chunks of one byte within aws-chunks of one byte': Buffer.from(
    head(decoded(bytes + 1)) + '1\r\n1\r\n1\r\n\r\r\n1\r\n\n\r\n1\r\na\r\n1\r\n\r\r\n1\r\n\n\r\n'.repeat(bytes / 5),
  ),
  'HTTP chunks of one byte that are not wanted': Buffer.from(
    `PUT /${bucket}/tiny HTTP/1.1\r\nhost: h\r\nauthorization: nonsense\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(bytes)}`,
  ),
  [pipelined]: Buffer.from(`GET /${bucket} HTTP/1.1\r\nhost: h\r\n\r\n`.repeat(bytes / 5)),
}

async function send(port: number, request: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  await once(socket, 'connect')
  socket.write(request)
  return socket
}

for (const [name, request] of Object.entries(senders)) {
  for (const connections of [1, 20]) {
    test(`34: ${name} on ${connections} connections`, async ({ gateway }) => {
      const most = name === pipelined ? longestTurnOfRequests : longestTurn
      let longest = Number.POSITIVE_INFINITY
      // The first ones compile, any may collect garbage, and a busy machine takes more of everything.
      for (let run = 0; run < 10 && longest > most; run++) {
        await gateway.measure()
        const sockets = await Promise.all(Array.from({ length: connections }, () => send(gateway.port, request)))
        await gateway.received(request.length * connections)
        longest = Math.min(longest, (await gateway.measure()).longestTurnMilliseconds)
        for (const socket of sockets) socket.destroy()
        await gateway.idle()
      }
      assert.ok(longest <= most, `${longest.toFixed(1)} ms at once`)
    })
  }
}

test.run()
