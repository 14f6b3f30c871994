import { randomUUID } from 'node:crypto'
import type { AuthConfig } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs, createPachydermClient } from '../../lib/testing/index.js'
import { withProjectPrefix, withToken } from './pfs-views.js'

/**
 * The PFS that a front-door suite runs over. `npm test` takes the stand-in in memory; `npm run test:pachd` runs each such
 * suite over both pachds that the environment names.
 */
export const stage = readStage(process.env.TEST_PFS ?? 'memory')

/** Whether a gateway is tested with gRPC between it and its PFS. */
export const wires: readonly boolean[] = stage === 'memory' ? [false, true] : [true]

/** A PFS for one test file. */
export interface TestPfs {
  /** For the gateway: with auth active, it refuses calls without a token. */
  readonly pfs: PachydermApi
  /** The same for the test's own calls: with auth active, they are made as root unless they name a token. */
  readonly asRoot: PachydermApi
  /** For the gateway: with auth active, it acts as the writer of `GuardedPfs`. */
  readonly authConfig: AuthConfig
  /** Deletes everything that the test has created. */
  close(): Promise<void>
}

/** A PFS whose auth is active. */
export interface GuardedPfs extends TestPfs {
  readonly rootToken: string
  /** The token of a robot that may create repos, and write those that root creates through `asRoot`. */
  readonly writerToken: string
}

/** Opens an empty PFS: in memory and on one pachd auth is active, on the other it is not. */
export async function openPfs(): Promise<TestPfs> {
  if (stage !== 'pachd') return openGuardedPfs()
  const { pfs, close } = await openProject(variable('PACHD'))
  return { pfs, asRoot: pfs, authConfig: { mode: 'none' }, close }
}

/** Opens an empty PFS whose auth is active. */
export async function openGuardedPfs(): Promise<GuardedPfs> {
  if (stage !== 'memory') return openGuardedPachd()
  const rootToken = 'root-token'
  return guarded({ pfs: createMemoryPfs({ rootToken }), close: async () => undefined }, rootToken)
}

/** The pachd whose auth is active, whatever the stage. */
export async function openGuardedPachd(): Promise<GuardedPfs> {
  const rootToken = variable('PACHD_ROOT_TOKEN')
  return guarded(await openProject(variable('PACHD_WITH_AUTH'), rootToken), rootToken)
}

type OpenPfs = Pick<TestPfs, 'pfs' | 'close'>

async function guarded({ pfs, close }: OpenPfs, rootToken: string): Promise<GuardedPfs> {
  const root = withToken(pfs, rootToken)
  const robot = `tester-${randomUUID()}`
  const writerToken = await root.getRobotToken({ robot })
  // As pachd does in its own project of that name.
  const everybody = { principal: 'allClusterUsers', roles: ['projectWriter'] }
  await root.modifyRoleBinding({ resource: { type: 'PROJECT', name: 'default' }, ...everybody })
  const asRoot: PachydermApi = {
    ...root,
    async createRepo(request, options) {
      await root.createRepo(request, options)
      if (request.repo.type !== 'user') return
      const resource = { type: 'REPO', name: `${request.repo.project}/${request.repo.name}` } as const
      await root.modifyRoleBinding({ resource, principal: `robot:${robot}`, roles: ['repoWriter'] })
    },
  }
  return { pfs, asRoot, rootToken, writerToken, authConfig: { mode: 'none', authToken: writerToken }, close }
}

/** Separate projects on a pachd. */
async function openProject(address: string, rootToken?: string): Promise<OpenPfs> {
  // A call of a test may wait for many others on a busy pachd.
  const client = createPachydermClient(address, { deadlineMilliseconds: 10 * 60_000 })
  const pfs = withProjectPrefix(client, `${randomUUID()}-`)
  const options = rootToken === undefined ? {} : { authToken: rootToken }
  await pfs.createProject({ project: 'default' }, options)
  return {
    pfs,
    async close() {
      const limited = { ...options, signal: AbortSignal.timeout(60_000) }
      try {
        // pachd refuses to delete a project that has repos, also by force.
        for await (const { repo } of pfs.listRepo({ type: 'user' }, limited)) {
          await pfs.deleteRepo({ repo, force: true }, limited)
        }
        for await (const { name } of pfs.listProject(limited)) await pfs.deleteProject({ project: name }, limited)
      } catch (error) {
        // A busy pachd may hang in a deletion; the rest stays, in separate projects.
        if (!limited.signal.aborted) throw error
      } finally {
        client.close()
      }
    },
  }
}

function readStage(text: string): 'memory' | 'pachd' | 'pachd-with-auth' {
  if (text === 'memory' || text === 'pachd' || text === 'pachd-with-auth') return text
  throw new TypeError(`TEST_PFS must be memory, pachd or pachd-with-auth, not ${text}`)
}

function variable(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set; test/README.md says how to get a pachd`)
  return value
}
