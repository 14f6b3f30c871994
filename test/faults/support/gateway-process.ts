import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measured, Settings } from './gateway-child.js'

/** A gateway in a separate process, so that its memory can be measured. */
export interface GatewayProcess {
  readonly port: number
  /** Its memory after garbage collection. */
  measure(): Promise<Measured>
  /** Waits until the open connections have delivered this many bytes, or deliver no more. */
  received(bytes: number): Promise<number>
  /** Settles when no connection to it is open. */
  idle(): Promise<void>
}

/** Runs work with a gateway of the PFS at an address, and ends it. */
export async function withGatewayProcess(
  settings: Settings,
  work: (gateway: GatewayProcess) => Promise<void>,
): Promise<void> {
  const gateway = await startGatewayProcess(settings)
  try {
    await work(gateway)
  } finally {
    await gateway.stop()
  }
}

/** Starts a gateway of the PFS at an address. */
export async function startGatewayProcess(settings: Settings): Promise<GatewayProcess & { stop(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL('gateway-child.js', import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--expose-gc'],
  })
  const asked = async (question: string): Promise<unknown> => {
    child.send(question)
    return (await once(child, 'message'))[0]
  }
  const [port] = await once(child, 'message')
  return {
    port: Number(port),
    measure: async () => (await asked('measure')) as Measured,
    async received(bytes) {
      let last = -1
      for (let same = 0; last < bytes && same < 50; ) {
        const now = Number(await asked('received'))
        same = now === last ? same + 1 : 0
        last = now
      }
      return last
    },
    idle: async () => {
      await asked('idle')
    },
    async stop() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}
