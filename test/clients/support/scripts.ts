import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A client's script, and how to run it, as its first lines declare. */
export interface ClientScript {
  readonly name: string
  readonly path: string
  /** From `# signatures: v4 v2`; the script finds the one at hand in `$SIGNATURE`. */
  readonly signatures: readonly string[]
  /** From `# environment: main`: the file of `requirements/` whose Python runs it. */
  readonly environment: string
  /** From `# load: large`: it also carries the large tree and file, where the setup is for that. */
  readonly large: boolean
  /** From `# setups: one`: it runs in one setup only, since it takes long. */
  readonly once: boolean
  /** From `# pachd: yes`: it also runs over a real pachd. */
  readonly pachd: boolean
  /** From `# covers: list, put`: for the table of clients. */
  readonly covers: string
}

export interface ScriptResult {
  /** Undefined if the script ended with 0. */
  readonly failure?: string
  /** Name and version of the client, as the script prints them in a line `client: NAME VERSION`. */
  readonly client: string
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
        once: value('setups') === 'one',
        pachd: value('pachd') === 'yes',
        covers: value('covers') ?? '',
      }
    })
}

/** Runs a script to its end; an error contains its output. */
export function runScript(
  script: ClientScript,
  settings: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly milliseconds: number },
): Promise<ScriptResult> {
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
      const client = /^client: (.+)$/m.exec(output)?.[1] ?? script.name
      resolve({ client, ...(code !== 0 && { failure: `${output}\nended with ${code ?? signal}` }) })
    })
  })
}
