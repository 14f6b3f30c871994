import { randomBytes } from 'node:crypto'
import { closeSync, cpSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** What the clients copy in and out. */
export interface Material {
  /** A directory of real files, several levels deep. */
  readonly tree: string
  /** One file; several times as large as what a client sends at once. */
  readonly file: string
}

const mebibyte = 1024 * 1024

/** Over 2,000 files and 300 MB, or some of each. */
export function makeMaterial(directory: string, modules: string, large: boolean): Material {
  const tree = join(directory, 'tree')
  const file = join(directory, 'file.bin')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(tree, { recursive: true })
  copyModules(modules, tree, large ? 2000 : 20)
  writeRandom(file, large ? 300 : 1)
  return { tree, file }
}

function copyModules(modules: string, tree: string, leastFiles: number): void {
  let files = 0
  for (const name of readdirSync(modules).sort()) {
    if (files >= leastFiles) return
    const entries = readdirSync(join(modules, name), { recursive: true, withFileTypes: true })
    if (name.startsWith('.') || entries.some((entry) => !entry.isFile() && !entry.isDirectory())) continue
    cpSync(join(modules, name), join(tree, name), { recursive: true })
    files += entries.filter((entry) => entry.isFile()).length
  }
  throw new Error(`${modules} has only ${files} files`)
}

function writeRandom(path: string, mebibytes: number): void {
  const descriptor = openSync(path, 'w')
  for (let written = 0; written < mebibytes; written++) writeSync(descriptor, randomBytes(mebibyte))
  closeSync(descriptor)
}
