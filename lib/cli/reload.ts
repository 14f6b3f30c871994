import { unwatchFile, watchFile } from 'node:fs'
import { lineFrom } from './fault.js'
import type { ProgramLog } from './program-log.js'

/** A resource that can be reread from its files. */
export interface Reloadable {
  /** Changes of these files cause a reread. */
  readonly files: readonly string[]
  /** Applies the content of the files; throws if it is unusable, without changing anything. */
  read(): unknown
}

/** Interval of the checks in milliseconds. They poll, since Kubernetes replaces the target of a link. */
const lookMilliseconds = 2000

/** Rereads resources when their files change, and all resources on `reload`; logs each by its name. */
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
