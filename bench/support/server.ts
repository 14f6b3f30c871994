import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Served } from './serve.js'

/** A server in a process of its own. */
export interface Server {
  readonly port: number
  readonly url: string
  /** Resident memory of the process now, in bytes. */
  residentBytes(): number
  close(): Promise<void>
}

/** Starts a server process and waits until it listens. */
export async function startServer(served: Served): Promise<Server> {
  const child = fork(fileURLToPath(new URL('serve.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const port = await portOf(child, served)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    residentBytes: () => {
      const pages = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
      return pages * 1024
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

function portOf(child: ChildProcess, served: Served): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port))
    child.once('exit', (code) => reject(new Error(`the ${served.kind} process ended with ${code} before it listened`)))
    child.send(served)
  })
}
