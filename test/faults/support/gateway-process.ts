import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measured, Settings } from './gateway-child.js'

/** A gateway in a process of its own, whose memory is nobody else's. */
export interface GatewayProcess {
  readonly port: number
  /** What it holds once its garbage is collected. */
  measure(): Promise<Measured>
  /** Settles when no connection to it is open. */
  idle(): Promise<void>
  stop(): Promise<void>
}

/** Starts a gateway of the PFS at an address. */
export async function startGatewayProcess(settings: Settings): Promise<GatewayProcess> {
  const child = fork(fileURLToPath(new URL('gateway-child.ts', import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--expose-gc', '--import', 'tsx'],
  })
  const asked = async (question: string): Promise<unknown> => {
    child.send(question)
    return (await once(child, 'message'))[0]
  }
  const [port] = await once(child, 'message')
  return {
    port: Number(port),
    measure: async () => (await asked('measure')) as Measured,
    idle: async () => {
      await asked('idle')
    },
    async stop() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}
