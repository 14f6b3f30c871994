import { createServer, type ServerResponse } from 'node:http'
import { lineFrom } from './fault.js'
import type { ProgramLog } from './program-log.js'
import { listen, stopServer, urlOf } from './server.js'
import type { HostAndPort } from './setting-values.js'

/** The state that the admin server reports. */
export interface AdminSource {
  /** The reason why this gateway is not ready; undefined if it is. */
  unready(): string | undefined
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
}

/** Starts the HTTP server for probes and Prometheus; returns a function to stop it. */
export async function startAdmin(
  address: HostAndPort,
  { unready, metrics }: AdminSource,
  log: ProgramLog,
): Promise<() => Promise<void>> {
  const server = createServer((req, res) => {
    const path = req.url?.split('?')[0]
    if (req.method !== 'GET' && req.method !== 'HEAD') send(res, 405, 'only GET and HEAD\n')
    else if (path === '/healthz') send(res, 200, 'ok\n')
    else if (path === '/readyz') {
      const reason = unready()
      send(res, reason === undefined ? 200 : 503, `${reason ?? 'ok'}\n`)
    } else if (path === '/metrics') {
      metrics.text().then(
        (text) => send(res, 200, text, metrics.contentType),
        (thrown: unknown) => send(res, 500, `${lineFrom(thrown)}\n`),
      )
    } else send(res, 404, 'there are /healthz, /readyz and /metrics\n')
  })
  const url = urlOf('http', await listen(server, address))
  log.say(`Admin at ${url}: /healthz, /readyz, /metrics`, { admin: url })
  return () => stopServer(server)
}

function send(res: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
}
