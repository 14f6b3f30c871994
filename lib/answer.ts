import { createCredentialSource } from './credential-source.js'
import { createGateway } from './gateway.js'
import { type Address, bucketFromHost, requireKeyLength } from './http/address.js'
import type { HttpRequest } from './http/request.js'
import type { S3Response } from './http/response.js'
import type { Call } from './operations/call.js'
import { requireExpectedOwner } from './operations/owner.js'
import { postObject } from './operations/post-object.js'
import type { AuthConfig, Settings } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { s3ErrorFrom } from './resolver/s3-error.js'
import { routeOperation, routes } from './routes.js'
import { authenticate, type Identity } from './signature/authenticate.js'
import { limitDiagnoses } from './signature/diagnosis.js'
import { isFormPost, readFormPost } from './signature/form-post.js'

/** From a request to its answer; throws what prevents one. */
export interface Answer {
  (request: HttpRequest, address: Address, signal: AbortSignal): Promise<S3Response>
  /** Writes what may be written after an answer; for a process that is about to end. */
  readonly flush: () => Promise<void>
}

/** Authenticates a request, finds its operation and runs it; `signal` ends the PFS calls that it makes. */
export function createAnswer(pfs: PfsClient, auth: AuthConfig, settings: Settings): Answer {
  const gateway = createGateway(pfs, settings)
  const signatures = {
    credentials: createCredentialSource(auth, pfs),
    region: settings.signingRegion,
    diagnose: limitDiagnoses(),
  }
  const anonymousToken = auth.mode === 'none' ? auth.authToken : undefined

  function callOptions(identity: Identity, signal: AbortSignal): CallOptions {
    const authToken = identity.authToken ?? anonymousToken
    return authToken === undefined ? { signal } : { signal, authToken }
  }

  async function run(request: HttpRequest, address: Address, call: Call): Promise<S3Response> {
    if (address.kind === 'service') return routeOperation(routes.service, request)(call)
    const bucket = gateway.bucketNames.parse(address.bucket)
    requireExpectedOwner(request, 'x-amz-expected-bucket-owner')
    return address.kind === 'bucket'
      ? routeOperation(routes.bucket, request)({ ...call, bucket })
      : routeOperation(routes.object, request)({ ...call, bucket, key: address.key })
  }

  const answer = async (request: HttpRequest, address: Address, signal: AbortSignal): Promise<S3Response> => {
    if (address.kind === 'bucket' && isFormPost(request)) {
      const { identity, body, fields, key } = await readFormPost(request, address.bucket, signatures)
      const call = { gateway, request, body, options: callOptions(identity, signal) }
      const bucket = gateway.bucketNames.parse(address.bucket)
      requireExpectedOwner(request, 'x-amz-expected-bucket-owner')
      return explained(call, address, postObject({ ...call, bucket, key: requireKeyLength(key) }, fields))
    }
    const { identity, body } = await authenticate(request, signatures, bucketFromHost(request, settings))
    const call = { gateway, request, body, options: callOptions(identity, signal) }
    return explained(call, address, run(request, address, call))
  }
  return Object.assign(answer, { flush: () => gateway.records.flush() })
}

/** Passes an answer on, and a missing bucket with an explanation; a HEAD could not show one. */
async function explained(call: Call, address: Address, answer: Promise<S3Response>): Promise<S3Response> {
  try {
    return await answer
  } catch (failure) {
    if (call.request.method === 'HEAD') throw failure
    throw await call.gateway.missingBuckets.explain(s3ErrorFrom(failure, address), call.options)
  }
}
