import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that is gone after `remove`. */
export interface Scratch {
  /** Writes a file and gives its path. */
  file(name: string, content: string): string
  remove(): void
}

/** A new directory for the files of a test. */
export function createScratch(): Scratch {
  const directory = mkdtempSync(join(tmpdir(), 'pfs-s3-gateway-test-'))
  return {
    file(name, content) {
      const path = join(directory, name)
      writeFileSync(path, content)
      return path
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
