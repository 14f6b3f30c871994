import { createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { type Server, startServer } from './support/server.js'

const mebibyte = 1024 ** 2
const piece = Buffer.alloc(mebibyte, 'x')

/** Resident memory of a gateway over the wire while large bodies pass through it. */
export async function benchMemory(report: Report): Promise<void> {
  const pfs = await startServer({ kind: 'pfs' })
  const gateway = await startServer({ kind: 'gateway', pachd: `grpc://127.0.0.1:${pfs.port}` })
  const client = createClient(gateway.url)
  await client.send('PUT', '/bench')
  await client.send('PUT', '/bench/warm', piece.subarray(0, 1024))
  const figure = (name: string, bytes: number) => ({ name, median: bytes, least: bytes, most: bytes })
  const idle = gateway.residentBytes() / mebibyte
  const put = (bytes: number) => (index: number) => client.send('PUT', `/bench/large/${index}`, { bytes, piece })
  const get = (index: number) => client.count(`/bench/large/${index}`)
  report.add('resident memory of the gateway process', 'MiB', [
    figure('idle', idle),
    figure('300 MB put', await peak(gateway, 1, put(300e6))),
    figure('300 MB got', await peak(gateway, 1, get)),
    figure('1 GiB put', await peak(gateway, 1, put(1024 * mebibyte))),
    figure('1 GiB got', await peak(gateway, 1, get)),
    figure('64 puts of 32 MiB at once', await peak(gateway, 64, put(32 * mebibyte))),
    figure('64 gets of 32 MiB at once', await peak(gateway, 64, get)),
  ])
  client.close()
  await gateway.close()
  await pfs.close()
}

/** The most that was resident while `count` transfers ran at once, in MiB. */
async function peak(gateway: Server, count: number, transfer: (index: number) => Promise<unknown>): Promise<number> {
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, gateway.residentBytes())
  }, 20)
  await Promise.all(Array.from({ length: count }, (_, index) => transfer(index)))
  clearInterval(watch)
  return most / mebibyte
}
