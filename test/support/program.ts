import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './root.js'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly child: ChildProcess
  /** The output on standard error so far. */
  said(): string
  /** The first match of `pattern` on standard error, once it is there; rejects when the program ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** When the process has ended and its output is complete. */
  readonly ended: Promise<Ended>
}

/** Starts the program, its sources unless told otherwise, with nothing in its environment that names a PFS but `env`. */
export function startProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  program: readonly string[] = ['.compiled/lib/cli/main.js'],
): Program {
  const home = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-home-'))
  const { PATH, NODE_V8_COVERAGE } = process.env
  const settings = { cwd: root, env: { PATH, NODE_V8_COVERAGE, HOME: home, ...env } }
  const started = startCommand([process.execPath, ...program, ...args], settings)
  const ended = started.ended.then((end) => {
    rmSync(home, { recursive: true, force: true })
    return end
  })
  return { ...started, ended }
}

/** Starts a command. */
export function startCommand(
  [file = '', ...args]: readonly string[],
  settings: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Program {
  const child = spawn(file, args, { ...settings, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, stdout, stderr }))
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(stderr)
        if (match === null) return
        child.stderr.off('data', look)
        resolve(match)
      }
      child.stderr.on('data', look)
      look()
      ended.then(() => reject(new Error(`ended without saying ${pattern}: ${stdout}${stderr}`)))
    })
  return { child, ended, says, said: () => stderr }
}

/** The environment without what `npm run` has added for this project, such as its node_modules/.bin. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?!config_)|^npm_config_local_prefix$|^NODE_/.test(name),
  )
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'))
  return { ...Object.fromEntries(env), PATH: path.join(':') }
}

/** Runs the program to its end. */
export function runProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return startProgram(args, env).ended
}

/** Starts the program on a free port and waits until it listens. */
export async function startListening(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  file?: readonly string[],
): Promise<Program & { readonly endpoint: string; stop(): Promise<Ended> }> {
  const program = startProgram(['--listen', '127.0.0.1:0', ...args], env, file)
  const endpoint = (await program.says(/Listening on ([^\s"]+)/))[1] ?? ''
  return {
    ...program,
    endpoint,
    stop() {
      program.child.kill('SIGTERM')
      return program.ended
    },
  }
}
