import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder of the project. Tests run from `.compiled/`, which holds code alone: other files are read from here. */
export const root: string = findRoot(dirname(fileURLToPath(import.meta.url)))

/** The URL of a file of the project, by its path below `root`. */
export function fileOf(path: string): URL {
  return pathToFileURL(join(root, path))
}

function findRoot(folder: string): string {
  return existsSync(join(folder, 'tsconfig.json')) ? folder : findRoot(dirname(folder))
}
