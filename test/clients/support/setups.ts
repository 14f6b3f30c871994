import { type Ended, startListening } from '../../support/program.js'

export interface Setup {
  readonly name: string
  /** Whether the gateway reaches PFS in another process over gRPC, instead of in its own. */
  readonly overWire: boolean
  /** Of PFS's root user; absent where auth is off. */
  readonly rootToken?: string
  /** Whether the clients that can are to carry the large tree and file. */
  readonly large: boolean
}

/** PFS near and far, with auth and without; the two that differ most carry the load. */
export const setups: readonly Setup[] = [
  { name: 'in memory, auth off', overWire: false, large: true },
  { name: 'in memory, auth on', overWire: false, rootToken: 'the-root-token', large: false },
  { name: 'over the wire, auth off', overWire: true, large: false },
  { name: 'over the wire, auth on', overWire: true, rootToken: 'the-root-token', large: true },
]

export interface RunningSetup {
  /** Where S3 clients connect. */
  readonly endpoint: string
  /** Where PFS is served over gRPC. */
  readonly pachdAddress: string
  stop(): Promise<readonly Ended[]>
}

/** What users run, rather than its sources. */
const built = ['dist/cli/main.js']

/** Starts the program, twice where PFS is to be in another process. */
export async function startSetup(setup: Setup): Promise<RunningSetup> {
  const rootToken = setup.rootToken === undefined ? [] : ['--root-token', setup.rootToken]
  const near = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0', '--log', 'off', ...rootToken], {}, built)
  const [pachdAddress] = await near.says(/grpc:\/\/\S+/)
  if (!setup.overWire) return { endpoint: near.endpoint, pachdAddress, stop: async () => [await near.stop()] }
  const far = await startListening(['--pachd', pachdAddress, '--log', 'off'], {}, built)
  return { endpoint: far.endpoint, pachdAddress, stop: async () => [await far.stop(), await near.stop()] }
}
