import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The pachds of one folder. */
export interface StartedPachd {
  readonly folder: string
  /** The variables that the script has printed, such as addresses. */
  readonly variables: Readonly<Record<string, string>>
  /** Starts those that have been killed. */
  start(): Promise<void>
  /** Ends them and deletes the folder. */
  stop(): Promise<void>
}

/**
 * Starts separate pachds with the script of PACHD_START, which test/README.md describes: with auth active and without,
 * or one of the two.
 */
export async function startPachd(script: string, which: 'both' | 'off' | 'on' = 'both'): Promise<StartedPachd> {
  const folder = mkdtempSync(join(tmpdir(), 'test-pachd-'))
  const startOnce = () => run(script, [folder, which])
  // On a slow machine, pachd gives up if its first call takes too long.
  const start = async () => (await startOnce().catch(startOnce)).stdout
  const stop = async () => {
    await run(join(dirname(script), 'stop'), [folder])
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const lines = [...(await start()).matchAll(/^(\w+)=(.*)$/gm)]
    const variables = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]))
    return { folder, variables, start: async () => void (await start()), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
