export type {
  CacheMessage,
  CommitMessage,
  ErrorContext,
  PfsCallMessage,
  QueueMessage,
  RequestMessage,
  ResponseLog,
} from './diagnostics.js'
export type { S3ErrorCode } from './errors.js'
export { S3Error } from './errors.js'
export { createS3Handler, type S3Handler } from './handler.js'
export type { CorsRule } from './http/cors.js'
export type { AuthConfig, S3HandlerOptions } from './options.js'
export type * from './pfs/client.js'
export { fileSetRepo, maxRawBytes } from './pfs/client.js'
export { PathCollision, PfsError, type PfsStatus } from './pfs/errors.js'
export { createPfsClient, type GrpcPfsClient, type PfsClientOptions } from './pfs/grpc/client.js'
export { branchOfBucket } from './resolver/bucket-name.js'
export { type SweepRequest, type Swept, sweepUploads } from './resolver/uploads/sweep.js'
export type { Credential } from './signature/claim.js'
