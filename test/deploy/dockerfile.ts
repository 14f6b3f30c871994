import { type ExecFileOptions, execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { plainEnvironment } from '../support/program.js'

const run = promisify(execFile)

/** An image that was built without Docker. */
export interface BuiltImage {
  /** The folder that stands for the root of its last stage. */
  readonly root: string
  /** WORKDIR, ENTRYPOINT, CMD and the command of HEALTHCHECK of the last stage. */
  readonly workdir: string
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly healthcheck: readonly string[]
  readonly user: string
}

interface Stage {
  readonly root: string
  readonly settings: Map<string, string>
}

/**
 * Carries out a Dockerfile in folders: `COPY` from `context` and from earlier stages, and `RUN` in the working directory
 * of the stage's own folder. Programs come from this machine in place of the base image.
 *
 * @param folder an empty folder for the stages
 * @throws Error for an instruction or a form of one that it does not know, or with what a command printed if it fails
 */
export async function buildImage(dockerfile: string, context: string, folder: string): Promise<BuiltImage> {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  for (const [instruction, text] of instructionsOf(dockerfile)) {
    if (instruction === 'FROM') {
      const root = join(folder, String(stages.size))
      stage = { root, settings: new Map([['WORKDIR', '/']]) }
      stages.set(/ AS (\S+)$/.exec(text)?.[1] ?? String(stages.size), stage)
      mkdirSync(root)
    } else if (stage === undefined) throw new Error(`${instruction} before FROM`)
    else if (instruction === 'COPY') copy(text, stage, context, stages)
    else if (instruction === 'RUN') await run('sh', ['-ec', text], inside(stage))
    else if (known.has(instruction)) stage.settings.set(instruction, text)
    else throw new Error(`the instruction ${instruction} is not known here`)
    if (instruction === 'WORKDIR' && stage !== undefined) mkdirSync(placeIn(stage, '.'), { recursive: true })
  }
  if (stage === undefined) throw new Error('the Dockerfile has no stage')
  const setting = (name: string): string => stage.settings.get(name) ?? ''
  return {
    root: stage.root,
    workdir: placeIn(stage, '.'),
    entrypoint: JSON.parse(setting('ENTRYPOINT')),
    cmd: JSON.parse(setting('CMD')),
    healthcheck: JSON.parse(setting('HEALTHCHECK').replace(/^.*? CMD /, '')),
    user: setting('USER'),
  }
}

const known = new Set(['WORKDIR', 'ENV', 'USER', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'])

function instructionsOf(dockerfile: string): readonly (readonly [string, string])[] {
  const lines = dockerfile.replaceAll('\\\n', '').split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)])
}

function copy(text: string, to: Stage, context: string, stages: ReadonlyMap<string, Stage>): void {
  const [, from, paths = ''] = /^(?:--from=(\S+) )?([^-].*)$/.exec(text) ?? []
  const source = from === undefined ? context : stages.get(from)?.root
  if (source === undefined) throw new Error(`COPY ${text}: no such stage, or an unknown option`)
  const names = paths.split(' ')
  const target = placeIn(to, names.pop() ?? '')
  for (const name of names) {
    // As Docker: into a target that ends in a slash, and as the target itself otherwise.
    const path = target.endsWith('/') ? join(target, basename(name)) : target
    cpSync(join(source, name), path, { recursive: true, verbatimSymlinks: true })
  }
}

function placeIn(stage: Stage, path: string): string {
  return join(stage.root, path.startsWith('/') ? '/' : (stage.settings.get('WORKDIR') ?? '/'), path)
}

function inside(stage: Stage): ExecFileOptions {
  return { cwd: placeIn(stage, '.'), env: plainEnvironment(), maxBuffer: 64 * 1024 * 1024 }
}
