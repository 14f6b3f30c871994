import { unwatchFile, watchFile } from 'node:fs'
import { lineFrom } from './fault.js'
import type { ProgramLog } from './program-log.js'

/** Something that is read from files, and can be read again. */
export interface Reloadable {
  /** Read again when one of them changes. */
  readonly files: readonly string[]
  /** Reads the files and puts what they say into effect; throws if they cannot be used, and then nothing changes. */
  read(): unknown
}

/** How often files are looked at, in milliseconds. By their status: Kubernetes replaces what a link leads to. */
const lookMilliseconds = 2000

/** Reads things again when their files change, and all of them with `reload`; each is named in the log. */
export function startReloading(
  log: ProgramLog,
  things: Readonly<Record<string, Reloadable>>,
): { reload(): void; stop(): void } {
  const read = (name: string, thing: Reloadable): void => {
    try {
      thing.read()
      log.say(`Read the ${name} again.`)
    } catch (thrown) {
      log.error(new Error(`the ${name} stays as it was: ${lineFrom(thrown)}`, { cause: thrown }))
    }
  }
  const watched = Object.entries(things).flatMap(([name, thing]) =>
    thing.files.map((file) => {
      const listener = (): void => read(name, thing)
      watchFile(file, { interval: lookMilliseconds, persistent: false }, listener)
      return { file, listener }
    }),
  )
  return {
    reload() {
      for (const [name, thing] of Object.entries(things)) read(name, thing)
    },
    stop() {
      for (const { file, listener } of watched) unwatchFile(file, listener)
    },
  }
}
