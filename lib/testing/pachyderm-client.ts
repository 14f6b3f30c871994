import { clientOver, connectPfs, type PfsClientOptions } from '../pfs/grpc/client.js'
import type { PachydermApi } from './pachyderm-api.js'
import { pachydermMethods } from './pachyderm-methods.js'

/** A client of pachd's whole API, with its own connections. */
export interface PachydermClient extends PachydermApi {
  /** Lets running calls finish and refuses new ones. */
  close(): void
}

/**
 * Creates a client for the whole API of a pachd or of `servePfs` over gRPC, so that the same tests run against both.
 * `address` and `options` are those of `createPfsClient`.
 *
 * @example
 * ```ts
 * const pfs = process.env.PACHD ? createPachydermClient(process.env.PACHD) : createMemoryPfs()
 * ```
 *
 * @throws TypeError if the address is invalid
 */
export function createPachydermClient(address: string, options: PfsClientOptions = {}): PachydermClient {
  const connection = connectPfs(address, options)
  const { read, write, download } = connection
  const listProject = download(pachydermMethods.listProject)
  return {
    ...clientOver(connection),

    createProject: write(pachydermMethods.createProject),
    listProject: (call = {}) => listProject(undefined, call),
    deleteProject: write(pachydermMethods.deleteProject),

    startCommit: write(pachydermMethods.startCommit),
    finishCommit: write(pachydermMethods.finishCommit),
    findCommits: download(pachydermMethods.findCommits),

    getFileSet: write(pachydermMethods.getFileSet),
    renewFileSet: write(pachydermMethods.renewFileSet),

    activateAuth: write(pachydermMethods.activateAuth),
    getRobotToken: write(pachydermMethods.getRobotToken),
    modifyRoleBinding: write(pachydermMethods.modifyRoleBinding),
    getRoleBinding: read(pachydermMethods.getRoleBinding),
  }
}
