import { type ChildProcess, fork, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../../test/support/root.js'
import { residentBytesOf } from './resident.js'
import type { Served } from './serve.js'

/** A server in a separate process. */
export interface Server {
  readonly port: number
  readonly url: string
  /** Resident memory of the process now, in bytes. */
  residentBytes(): number
  /** Calls of PFS that a gateway has made since it began, by their names. */
  calls(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}

/** Starts a server process and waits until it listens. */
export async function startServer(served: Served): Promise<Server> {
  const child = fork(fileURLToPath(new URL('serve.js', import.meta.url)))
  return serverOf(child, await portOf(child, served))
}

/** Starts the program as users run it, built, and waits until it listens. */
export async function startProgram(...args: readonly string[]): Promise<Server> {
  const main = join(root, 'dist/cli/main.js')
  const child = spawn(process.execPath, [main, '--listen', '127.0.0.1:0', '--auth', 'none', '--log', 'off', ...args])
  for await (const text of child.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    const port = /Listening on \S+:(\d+)/.exec(text)?.[1]
    if (port === undefined) continue
    child.stderr.resume()
    return serverOf(child, Number(port))
  }
  throw new Error('the program ended before it listened')
}

function serverOf(child: ChildProcess, port: number): Server {
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    residentBytes: () => residentBytesOf(child.pid ?? 0),
    calls: () =>
      new Promise((resolve) => {
        child.once('message', (message) => resolve((message as { calls: Record<string, number> }).calls))
        child.send('calls')
      }),
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
