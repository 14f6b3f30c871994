import { createCredentialSource } from './credential-source.js'
import type { S3Error } from './errors.js'
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
import { withoutServiceToken } from './service-token.js'
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

  /** Passes an answer on; its errors are in S3's terms, and a missing bucket has an explanation, which a HEAD cannot show. */
  async function answered(
    call: Call,
    { address, identity }: { readonly address: Address; readonly identity: Identity },
    response: Promise<S3Response>,
  ): Promise<S3Response> {
    const errorOf = (failure: unknown) => withoutServiceToken(s3ErrorFrom(failure, address), auth.mode, identity)
    try {
      return withErrors(await response, errorOf)
    } catch (failure) {
      const error = errorOf(failure)
      if (call.request.method === 'HEAD') throw error
      throw await gateway.missingBuckets.explain(error, call.options)
    }
  }

  const answer = async (request: HttpRequest, address: Address, signal: AbortSignal): Promise<S3Response> => {
    if (address.kind === 'bucket' && isFormPost(request)) {
      const { identity, body, fields, key } = await readFormPost(request, address.bucket, signatures)
      const call = { gateway, request, body, options: callOptions(identity, signal) }
      const bucket = gateway.bucketNames.parse(address.bucket)
      requireExpectedOwner(request, 'x-amz-expected-bucket-owner')
      return answered(call, { address, identity }, postObject({ ...call, bucket, key: requireKeyLength(key) }, fields))
    }
    const { identity, body } = await authenticate(request, signatures, bucketFromHost(request, settings))
    const call = { gateway, request, body, options: callOptions(identity, signal) }
    return answered(call, { address, identity }, run(request, address, call))
  }
  return Object.assign(answer, { flush: () => gateway.records.flush() })
}

/** Sends what fails while a body is read through `errorOf`. */
function withErrors(response: S3Response, errorOf: (failure: unknown) => S3Error): S3Response {
  const { body } = response
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return response
  const rethrow = (failure: unknown): never => {
    throw errorOf(failure)
  }
  return { ...response, body: body instanceof Promise ? body.catch(rethrow) : streamWithErrors(body, rethrow) }
}

async function* streamWithErrors(
  body: AsyncIterable<Uint8Array>,
  rethrow: (failure: unknown) => never,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (failure) {
    rethrow(failure)
  }
}
