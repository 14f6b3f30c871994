import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that is gone after `remove`. */
export interface Scratch {
  readonly folder: string
  /** Writes a file and gives its path. */
  file(name: string, content: string): string
  remove(): void
}

/** A new directory for the files of a test. */
export function createScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-test-'))
  return {
    folder,
    file(name, content) {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
