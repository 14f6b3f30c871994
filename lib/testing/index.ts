/**
 * `pfs-s3-gateway/testing`: PFS without a cluster, for tests of code that uses PFS or S3. `createMemoryPfs` creates PFS in
 * memory; `servePfs` serves it to Pachyderm clients, `serveS3` and `createS3Fetch` serve it to S3 clients.
 */
export type { Missing, Refusal } from '../pfs/errors.js'
export { mockPfs, type PfsFault, type PfsFaults, withFaults } from './doubles.js'
export { type FilesOfOptions, filesOf } from './files-of.js'
export {
  createMemoryPfs,
  type MemoryPfsOptions,
  type SeededBranches,
  type SeededFiles,
  type SeededRepos,
} from './memory/memory-pfs.js'
export type { FindCommitsResult, PachydermApi, Resource, ResourceType } from './pachyderm-api.js'
export { createPachydermClient, type PachydermClient } from './pachyderm-client.js'
export { pfsError } from './pfs-error.js'
export { createS3Fetch, type S3Fetch, type S3FetchOptions } from './s3-fetch.js'
export { type S3Server, serveS3 } from './s3-server.js'
export { type PfsServer, servePfs } from './serve-pfs.js'
export type { Signer } from './sign-request.js'
