import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { plainEnvironment } from '../support/program.js'

const run = promisify(execFile)

/** A project that has installed the package as `npm publish` would send it. */
export interface Project {
  readonly folder: string
  write(path: string, text: string): void
  /** Runs a program in the project and returns its standard output; rejects with its output if it fails. */
  output(
    command: readonly string[],
    settings?: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
  ): Promise<string>
  remove(): void
}

/** Packs a checkout and installs the package with tools, such as `jest@30`. It builds `dist`, so only one process may call it. */
export async function createProject(checkout: string, tools: readonly string[]): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-consumer-'))
  const project: Project = {
    folder,
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    },
    async output([program = '', ...args], { cwd = '.', env = {} } = {}) {
      try {
        const settings = { cwd: join(folder, cwd), env: { ...plainEnvironment(), ...env } }
        return (await run(program, args, settings)).stdout.trim()
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string }
        throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: checkout, env: plainEnvironment() })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  project.write('package.json', '{ "private": true }')
  await project.output(['npm', 'install', '--silent', '--no-audit', '--no-fund', `./${tarball}`, ...tools])
  return project
}
