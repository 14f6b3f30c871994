import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { fileOf } from '../test/support/root.js'

const run = promisify(execFile)

/** Files to copy, on this machine. */
export interface JobFiles {
  /** A directory of small files. */
  readonly tree: string
  readonly treeFiles: number
  readonly largeFile: string
  /** A new, empty directory to copy into. */
  newDirectory(): string
  remove(): void
}

/** Makes `treeFiles` files of one to four KiB in ten directories, and one of `largeBytes`. */
export function createJobFiles(treeFiles: number, largeBytes: number): JobFiles {
  const home = mkdtempSync(join(tmpdir(), 'bench-jobs-'))
  const tree = join(home, 'tree')
  for (let index = 0; index < treeFiles; index += 1) {
    const directory = join(tree, `part-${index % 10}`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `file-${index}.txt`), randomBytes(1024 + (index % 4) * 1024))
  }
  const largeFile = join(home, 'large.bin')
  writeFileSync(largeFile, randomBytes(largeBytes))
  let copies = 0
  return {
    tree,
    treeFiles,
    largeFile,
    newDirectory: () => join(home, `copy-${copies++}`),
    remove: () => rmSync(home, { recursive: true }),
  }
}

/** A client that copies files, as people use it. */
export interface JobClient {
  readonly name: string
  /** Copies a directory to `bucket/prefix`, or one file to that key. */
  copyUp(url: string, from: string, to: string): Promise<void>
  /** Copies everything below `bucket/prefix`, or one key, to a local path. */
  copyDown(url: string, from: string, to: string): Promise<void>
}

/** The clients that are installed: the AWS CLI and rclone, also where the client tests have put them. */
export function findJobClients(): readonly JobClient[] {
  const aws = findProgram('aws')
  const rclone = findProgram('rclone')
  return [...(aws ? [awsClient(aws)] : []), ...(rclone ? [rcloneClient(rclone)] : [])]
}

function findProgram(name: string): string | undefined {
  const directories = [fileOf('.cache/clients/bin/').pathname, ...(process.env.PATH ?? '').split(delimiter)]
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path))
}

const environment = {
  ...process.env,
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_DEFAULT_REGION: 'us-east-1',
  // pachd's own gateway cannot read bodies with a trailing checksum.
  AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
  AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
}

function awsClient(program: string): JobClient {
  const copy = async (url: string, from: string, to: string, isTree: boolean): Promise<void> => {
    const recursive = isTree ? ['--recursive'] : []
    await run(program, ['--endpoint-url', url, 's3', 'cp', '--only-show-errors', ...recursive, from, to], {
      env: environment,
    })
  }
  return {
    name: 'aws s3 cp',
    copyUp: (url, from, to) => copy(url, from, `s3://${to}`, statSync(from).isDirectory()),
    copyDown: (url, from, to) => copy(url, `s3://${from}`, to, from.endsWith('/')),
  }
}

function rcloneClient(program: string): JobClient {
  const copy = async (url: string, from: string, to: string): Promise<void> => {
    const remote = `:s3,provider=Other,env_auth=true,endpoint="${url}":`
    const place = (path: string): string => path.replace(/^remote:/, remote)
    const options = ['--transfers', '10', '--checkers', '10', '--s3-no-check-bucket']
    const command = from.endsWith('/') || statSync(from, { throwIfNoEntry: false })?.isDirectory() ? 'copy' : 'copyto'
    await run(program, [command, ...options, place(from), place(to)], { env: environment })
  }
  return {
    name: 'rclone',
    copyUp: (url, from, to) => copy(url, from, `remote:${to}`),
    copyDown: (url, from, to) => copy(url, `remote:${from}`, to),
  }
}

/** Throws unless a copy has the expected number of files. */
export function requireFiles(directory: string, count: number): void {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  if (found.length !== count) throw new Error(`${found.length} files were copied of ${count}`)
}
