import { createClient } from './support/client.js'
import type { Report } from './support/report.js'
import { rate } from './support/rounds.js'
import { type Server, startProgram, startServer } from './support/server.js'

const mebibyte = 1024 ** 2
const piece = Buffer.alloc(mebibyte, 'x')

/** Resident memory of the program over the wire while large bodies pass through it. */
export async function benchMemory(report: Report): Promise<void> {
  const pfs = await startServer({ kind: 'pfs' })
  const gateway = await startProgram('--pachd', `grpc://127.0.0.1:${pfs.port}`)
  const client = createClient(gateway.url)
  await client.send('PUT', '/bench')
  const started = (await client.send('POST', '/bench/parts?uploads')).toString()
  const uploadId = /<UploadId>([^<]+)</.exec(started)?.[1] ?? ''
  await client.send('PUT', '/bench/warm', piece.subarray(0, 1024))
  const figure = (name: string, bytes: number) => ({ name, median: bytes, least: bytes, most: bytes })
  const idle = gateway.residentBytes() / mebibyte
  const put = (bytes: number) => (index: number) => client.send('PUT', `/bench/large/${index}`, { bytes, piece })
  const putPart = (index: number) =>
    client.send('PUT', `/bench/parts?partNumber=${index + 1}&uploadId=${uploadId}`, { bytes: 8 * mebibyte, piece })
  const get = (index: number) => client.count(`/bench/large/${index}`)
  report.add('resident memory of the gateway process', 'MiB', [
    figure('idle', idle),
    figure('300 MB put', await peak(gateway, 1, put(300e6))),
    figure('300 MB got', await peak(gateway, 1, get)),
    figure('36 parts of 8 MiB, ten at once', await peak(gateway, 36, putPart, 10)),
    figure('1 GiB put', await peak(gateway, 1, put(1024 * mebibyte))),
    figure('1 GiB got', await peak(gateway, 1, get)),
    figure('64 puts of 32 MiB at once', await peak(gateway, 64, put(32 * mebibyte))),
    figure('64 gets of 32 MiB at once', await peak(gateway, 64, get)),
  ])
  client.close()
  await gateway.close()
  await pfs.close()
}

/** The most that was resident while `count` transfers ran, in MiB; all at once unless told otherwise. */
async function peak(
  gateway: Server,
  count: number,
  transfer: (index: number) => Promise<unknown>,
  atOnce = count,
): Promise<number> {
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, gateway.residentBytes())
  }, 20)
  await rate(atOnce, count, transfer)
  clearInterval(watch)
  return most / mebibyte
}
