import { randomBytes } from 'node:crypto'
import { closeSync, copyFileSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** The files that clients copy. */
export interface Material {
  /** A directory of real files, several levels deep. */
  readonly tree: string
  /** One file, several times as large as a part of an upload. */
  readonly file: string
  /** A file of 12 MB, for clients to send in parts of 5 MiB. */
  readonly parts: string
}

const mebibyte = 1024 * 1024

/** 2,000 files and 300 MB where `large`, else some of each, in a directory that is made anew. */
export function makeMaterial(directory: string, modules: string, large: boolean): Material {
  const tree = join(directory, 'tree')
  const file = join(directory, 'file.bin')
  const parts = join(directory, 'parts.bin')
  rmSync(directory, { recursive: true, force: true })
  for (const path of modulePaths(modules).slice(0, large ? 2000 : 50)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    copyFileSync(join(modules, path), join(tree, path))
  }
  writeRandom(file, large ? 300 : 1)
  writeRandom(parts, 12)
  return { tree, file, parts }
}

/** The files of `node_modules` but for what npm and other tools keep there. */
function modulePaths(modules: string): readonly string[] {
  return readdirSync(modules, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(modules, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('.'))
    .sort()
}

function writeRandom(path: string, mebibytes: number): void {
  const descriptor = openSync(path, 'w')
  for (let written = 0; written < mebibytes; written++) writeSync(descriptor, randomBytes(mebibyte))
  closeSync(descriptor)
}
