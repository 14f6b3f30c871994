import { randomUUID } from 'node:crypto'
import { createPachydermClient } from '../../../lib/testing/index.js'
import { type Ended, startListening } from '../../support/program.js'

export interface Setup {
  readonly name: string
  /** Where PFS is: in the gateway's process, in another one over gRPC, or in a real pachd. */
  readonly pfs: 'memory' | 'wire' | 'pachd'
  /** The token of PFS's root user; undefined without auth, and for a pachd, whose clients are a robot user. */
  readonly rootToken?: string
  /** Whether clients that can should transfer the large tree and file. */
  readonly large: boolean
}

const rootToken = 'the-root-token'

/** The services that a reader of the documentation has started. */
export const pageSetup: Setup = { name: 'in memory, auth off', pfs: 'memory', large: false }

/** PFS near and far, with auth and without; the one that is most like production carries the load. A pachd, if the environment names one. */
export const setups: readonly Setup[] = [
  pageSetup,
  { name: 'in memory, auth on', pfs: 'memory', rootToken, large: false },
  { name: 'over the wire, auth off', pfs: 'wire', large: false },
  { name: 'over the wire, auth on', pfs: 'wire', rootToken, large: true },
  ...(process.env.PACHD_WITH_AUTH === undefined
    ? []
    : [{ name: 'a pachd, auth on', pfs: 'pachd', large: false } as const]),
]

/** The setup in which clients run that say `# setups: one`. */
export const mainSetup = 'over the wire, auth on'

export interface RunningSetup {
  /** Where S3 clients connect. */
  readonly endpoint: string
  /** Where PFS is served over gRPC. */
  readonly pachdAddress: string
  /** The token of the clients; absent where auth is off. */
  readonly token?: string
  stop(): Promise<readonly Ended[]>
}

/** The built program, not its sources. */
const built = ['dist/cli/main.js']

/** Starts the program, twice if PFS runs in another process. */
export async function startSetup(setup: Setup): Promise<RunningSetup> {
  if (setup.pfs === 'pachd') return startBeforePachd(process.env.PACHD_WITH_AUTH ?? '')
  const token = setup.rootToken === undefined ? {} : { token: setup.rootToken }
  const rootToken = setup.rootToken === undefined ? [] : ['--root-token', setup.rootToken]
  const near = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0', '--log', 'off', ...rootToken], {}, built)
  const [pachdAddress] = await near.says(/grpc:\/\/\S+/)
  if (setup.pfs === 'memory') {
    return { endpoint: near.endpoint, pachdAddress, ...token, stop: async () => [await near.stop()] }
  }
  const far = await startListening(['--pachd', pachdAddress, '--log', 'off'], {}, built)
  return { endpoint: far.endpoint, pachdAddress, ...token, stop: async () => [await far.stop(), await near.stop()] }
}

/** The clients act as a new robot user that may write master.images, and owns the repos that it makes. */
async function startBeforePachd(pachdAddress: string): Promise<RunningSetup> {
  const pfs = createPachydermClient(pachdAddress)
  const root = { authToken: process.env.PACHD_ROOT_TOKEN ?? '' }
  const robot = `clients-${randomUUID()}`
  const repo = { project: 'default', name: 'images', type: 'user' } as const
  await pfs.createRepo({ repo, update: true }, root)
  await pfs.createBranch({ branch: { repo, name: 'master' } }, root)
  const token = await pfs.getRobotToken({ robot, ttlSeconds: 3600 }, root)
  const resource = { type: 'REPO', name: 'default/images' } as const
  await pfs.modifyRoleBinding({ resource, principal: `robot:${robot}`, roles: ['repoWriter'] }, root)
  pfs.close()
  const gateway = await startListening(['--pachd', pachdAddress, '--log', 'off'], {}, built)
  return { endpoint: gateway.endpoint, pachdAddress, token, stop: async () => [await gateway.stop()] }
}
