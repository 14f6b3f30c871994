import { buildVersitygw, startVersitygw } from './support/others.js'
import type { Report } from './support/report.js'
import { figureOf } from './support/rounds.js'
import { programCommand, type Server, startCommand, startServer } from './support/server.js'

const rounds = 9
const bareSource = `require('node:http').createServer((req, res) => res.end()).listen(Number(process.argv[1]), '127.0.0.1')`

/** From the start of a process until it has answered its first request, and its processor time until then. */
export async function benchColdStart(report: Report): Promise<void> {
  const pfs = await startServer({ kind: 'pfs' })
  const program = (...args: readonly string[]) => startCommand((port) => programCommand(`127.0.0.1:${port}`, ...args))
  const starts = new Map<string, () => Promise<Server>>([
    ['bare node:http', () => startCommand((port) => [process.execPath, '--eval', bareSource, `${port}`])],
    ['program, PFS in memory', () => program('--memory')],
    ['program, PFS over gRPC', () => program('--pachd', `grpc://127.0.0.1:${pfs.port}`)],
  ])
  const versitygw = buildVersitygw()
  const key = { accessKeyId: 'bench', secretAccessKey: 'of the benchmark' }
  if (versitygw !== undefined) starts.set('versitygw', () => startVersitygw(versitygw, key))
  const elapsed = new Map([...starts.keys()].map((name) => [name, [] as number[]]))
  const used = new Map([...starts.keys()].map((name) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, start] of starts) {
      const started = performance.now()
      const server = await start()
      elapsed.get(name)?.push(performance.now() - started)
      used.get(name)?.push(server.processorSeconds() * 1000)
      await server.close()
    }
  }
  await pfs.close()
  const figures = (results: ReadonlyMap<string, readonly number[]>) =>
    [...results].map(([name, values]) => figureOf(name, values))
  report.add('cold start, until the first request is answered', 'milliseconds', figures(elapsed))
  report.add('cold start, processor time', 'milliseconds', figures(used))
}
