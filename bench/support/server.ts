import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { root } from '../../test/support/root.js'
import { processorSecondsOf, residentBytesOf } from './process-usage.js'
import type { Served } from './serve.js'

/** A server in a separate process. */
export interface Server {
  readonly port: number
  readonly url: string
  /** Resident memory of the process now, in bytes. */
  residentBytes(): number
  /** Processor time of the process so far, in seconds. */
  processorSeconds(): number
  /** Calls of PFS that a gateway has made since it began, by their names. */
  calls(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}

/** Starts a server process and waits until it listens. */
export async function startServer(served: Served): Promise<Server> {
  const child = fork(fileURLToPath(new URL('serve.js', import.meta.url)))
  return serverOf(child, await portOf(child, served))
}

/** The command that runs the program as users run it, built. */
export function programCommand(listen: string, ...args: readonly string[]): readonly string[] {
  const main = join(root, 'dist/cli/main.js')
  return [process.execPath, main, '--listen', listen, '--auth', 'none', '--log', 'off', ...args]
}

/** Starts the program as users run it, built, and waits until it listens. */
export async function startProgram(...args: readonly string[]): Promise<Server> {
  const [file = '', ...words] = programCommand('127.0.0.1:0', ...args)
  const child = spawn(file, words)
  for await (const text of child.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    const port = /Listening on \S+:(\d+)/.exec(text)?.[1]
    if (port === undefined) continue
    child.stderr.resume()
    return serverOf(child, Number(port))
  }
  throw new Error('the program ended before it listened')
}

/** Starts any server at a free port, and waits until it has answered a request. */
export async function startCommand(commandFor: (port: number) => readonly string[], env = {}): Promise<Server> {
  const port = await freePort()
  const [file = '', ...args] = commandFor(port)
  const child = spawn(file, args, { stdio: 'ignore', env: { ...process.env, ...env } })
  const server = serverOf(child, port)
  while (!(await answers(server.url))) {
    if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode} before it answered`)
    await setTimeout(2)
  }
  return server
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => response.resume().once('end', () => resolve(true))).once('error', () =>
      resolve(false),
    )
  })
}

function serverOf(child: ChildProcess, port: number): Server {
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    residentBytes: () => residentBytesOf(child.pid ?? 0),
    processorSeconds: () => processorSecondsOf(child.pid ?? 0),
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
