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
import type { CallMeter } from './pfs/observed-call.js'
import type { RequestRecord } from './request-record.js'
import { s3ErrorFrom } from './resolver/s3-error.js'
import { routeOperation, routes } from './routes.js'
import { withoutServiceToken } from './service-token.js'
import { authenticate, type Identity } from './signature/authenticate.js'
import { limitDiagnoses } from './signature/diagnosis.js'
import { isFormPost, readFormPost } from './signature/form-post.js'

/** From a request to its answer; throws what prevents one. */
export interface Answer {
  (request: HttpRequest, address: Address, signal: AbortSignal, record: RequestRecord): Promise<S3Response>
  /** Writes what may be written after an answer; for a process that is about to end. */
  readonly flush: () => Promise<void>
}

/**
 * Authenticates a request, finds its operation and runs it; `signal` ends the PFS calls that it makes, and `record` gets
 * what becomes known.
 */
export function createAnswer(pfs: PfsClient, auth: AuthConfig, settings: Settings): Answer {
  const gateway = createGateway(pfs, settings)
  const signatures = {
    credentials: createCredentialSource(auth, pfs),
    region: settings.signingRegion,
    diagnose: limitDiagnoses(),
  }
  const anonymousToken = auth.mode === 'none' ? auth.authToken : undefined

  function callOptions(identity: Identity, signal: AbortSignal, observer: CallMeter): CallOptions {
    const authToken = identity.authToken ?? anonymousToken
    return { signal, observer, ...(authToken !== undefined && { authToken }) }
  }

  async function run(request: HttpRequest, address: Address, call: Call): Promise<S3Response> {
    if (address.kind === 'service') return routeOperation(routes.service, request)(call)
    const bucket = gateway.bucketNames.parse(address.bucket)
    requireExpectedOwner(request, 'x-amz-expected-bucket-owner')
    return address.kind === 'bucket'
      ? routeOperation(routes.bucket, request)({ ...call, bucket })
      : routeOperation(routes.object, request)({ ...call, bucket, key: address.key })
  }

  /** Passes an answer on; its errors are in S3's terms, and a missing bucket has an explanation, which a HEAD cannot show. */
  async function answered(
    call: Call,
    { address, identity, record }: { address: Address; identity: Identity; record: RequestRecord },
    response: Promise<S3Response>,
  ): Promise<S3Response> {
    const errorOf = (failure: unknown) => withoutServiceToken(s3ErrorFrom(failure, address), auth.mode, identity)
    try {
      return record.answered(await response, errorOf)
    } catch (failure) {
      const error = errorOf(failure)
      if (call.request.method === 'HEAD') throw error
      throw await gateway.missingBuckets.explain(error, call.options)
    }
  }

  const answer = async (...[request, address, signal, record]: Parameters<Answer>): Promise<S3Response> => {
    if (address.kind === 'bucket' && isFormPost(request)) {
      const { identity, body, fields, key } = await readFormPost(request, address.bucket, signatures)
      record.identified(identity)
      record.isForm(key)
      const call = { gateway, request, body, options: callOptions(identity, signal, record.meter) }
      const bucket = gateway.bucketNames.parse(address.bucket)
      requireExpectedOwner(request, 'x-amz-expected-bucket-owner')
      return answered(
        call,
        { address, identity, record },
        postObject({ ...call, bucket, key: requireKeyLength(key) }, fields),
      )
    }
    const { identity, body } = await authenticate(request, signatures, bucketFromHost(request, settings))
    record.identified(identity)
    const call = { gateway, request, body, options: callOptions(identity, signal, record.meter) }
    return answered(call, { address, identity, record }, run(request, address, call))
  }
  return Object.assign(answer, { flush: () => gateway.records.flush() })
}
