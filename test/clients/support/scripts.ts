import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A client's script and how it is to be run, as its first lines say. */
export interface ClientScript {
  readonly name: string
  readonly path: string
  /** From `# signatures: v4 v2`; the script finds the one at hand in `$SIGNATURE`. */
  readonly signatures: readonly string[]
  /** From `# environment: main`: the file of `requirements/` whose Python runs it. */
  readonly environment: string
  /** From `# load: large`: it also carries the large tree and file, where the setup is for that. */
  readonly large: boolean
}

/** The scripts beside `run.ts`, each a `.sh`, `.py` or `.mjs`. */
export function clientScripts(directory: string): readonly ClientScript[] {
  return readdirSync(directory)
    .filter((name) => /\.(sh|py|mjs)$/.test(name) && name !== 'tools.sh')
    .sort()
    .map((name) => {
      const path = join(directory, name)
      const head = readFileSync(path, 'utf8').split('\n', 12).join('\n')
      const value = (key: string) => new RegExp(`^(?:#|//) ${key}: (.+)$`, 'm').exec(head)?.[1]
      return {
        name,
        path,
        signatures: (value('signatures') ?? 'v4').split(' '),
        environment: value('environment') ?? 'main',
        large: value('load') === 'large',
      }
    })
}

/** Runs a script to its end; undefined where it ended with 0, else what it printed. */
export function runScript(
  script: ClientScript,
  settings: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly milliseconds: number },
): Promise<string | undefined> {
  const program = { sh: 'bash', py: 'python3', mjs: process.execPath }[script.name.split('.').at(-1) ?? '']
  return new Promise((resolve, reject) => {
    const child = spawn(program ?? 'false', [script.path], {
      cwd: settings.cwd,
      env: settings.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: settings.milliseconds,
      killSignal: 'SIGKILL',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve(code === 0 ? undefined : `${output}\nended with ${code ?? signal}`)
    })
  })
}
