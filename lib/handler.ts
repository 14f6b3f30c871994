import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import { createCredentialSource, ServiceTokenError, withoutServiceToken } from './credential-source.js'
import { S3Error } from './errors.js'
import { createGateway } from './gateway.js'
import { type Address, bucketFromHost, parseAddress, requireKeyLength, withTrustedHost } from './http/address.js'
import { hasBody, readBody } from './http/body.js'
import { createByteBudget } from './http/byte-budget.js'
import { answerPreflight, corsHeaders, isPreflight } from './http/cors.js'
import { shareTurns } from './http/message-flow.js'
import { type HttpRequest, mountPathOf, pathOf, readRequest, receivedTarget } from './http/request.js'
import { type S3Response, setHeaders, writeError, writeResponse } from './http/response.js'
import { requireExpectedOwner } from './operations/access-control.js'
import type { Call } from './operations/call.js'
import { postObject } from './operations/post-object.js'
import { type AuthConfig, readAuthConfig, readOptions, type S3HandlerOptions, type Settings } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { type CallMeter, isIterable } from './pfs/observed-call.js'
import { RequestRecord } from './request-record.js'
import { s3ErrorFrom } from './resolver/s3-error.js'
import { routeOperation, routes } from './routes.js'
import { authenticate, type Identity } from './signature/authenticate.js'
import { limitDiagnoses } from './signature/diagnosis.js'
import { isFormPost, readFormPost } from './signature/post-policy.js'

type Next = (error?: unknown) => unknown
type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

/** Answers one HTTP request; a listener of `node:http`, `node:https` and `node:http2` servers. */
export interface S3Handler {
  /** Calls `next` for a request outside `basePath`; without `next`, such a request gets 404 NotFound. */
  (req: AnyRequest, res: AnyResponse, next?: Next): Promise<void>
  /**
   * Writes the records that were to follow within a second. Call it when the server has closed, before the process ends.
   */
  readonly flush: () => Promise<void>
  /**
   * For the 'connection' event of a server that answers nothing else ('secureConnection' if it speaks TLS). Many clients
   * that all begin to send small chunks at the same moment then hold up others for no more than one of them does.
   */
  readonly connection: (socket: Socket) => void
  /** For a server's 'checkContinue' event: the client is told to send its body when its signature has been checked. */
  readonly checkContinue: (req: AnyRequest, res: AnyResponse) => Promise<void>
}

/** S3 over PFS as a request listener of any Node.js HTTP server; throws TypeError for an option that is none. */
export function createS3Handler(pfs: PfsClient, authConfig: AuthConfig, options: S3HandlerOptions = {}): S3Handler {
  const settings = readOptions(options)
  const budget = createByteBudget(settings.maxBufferedBytes)
  const answer = createAnswer(pfs, readAuthConfig(authConfig), settings)

  async function exchange(req: IncomingMessage, res: ServerResponse, beforeBody?: () => void): Promise<void> {
    const requestId = createRequestId()
    const record = new RequestRecord(req, requestId)
    const left = new AbortController()
    // Each PFS call of the request listens to it, and Node warns above ten.
    setMaxListeners(0, left.signal)
    let address: Address | undefined
    res.once('close', () => {
      if (!res.writableFinished) left.abort(new Error('the client has left'))
      void tell(settings.onResponse, record.end(res, body))
    })
    res.setHeader('x-amz-request-id', requestId)
    // A type is what the answer says, not what a browser makes of the bytes.
    res.setHeader('x-content-type-options', 'nosniff')
    const memory = budget.open()
    const body = readBody(req, { timeoutMilliseconds: settings.bodyTimeoutMilliseconds, beforeBody, memory })
    try {
      const request = withTrustedHost(readRequest(req, body, memory), settings.trustForwardedHost)
      address = parseAddress(request, { ...settings, mountPath: mountPathOf(req) || settings.basePath })
      record.addressed(request, address)
      requireUnreadBody(req)
      const bucket = address.kind === 'service' ? undefined : address.bucket
      setHeaders(res, corsHeaders(settings.cors, bucket, request))
      const response = isPreflight(request)
        ? answerPreflight(settings.cors, bucket, request)
        : await answer(request, address, left.signal, record)
      body.close()
      if (!isIterable(response.body)) record.begins()
      await writeResponse(res, response, req.method === 'HEAD')
    } catch (failure) {
      body.close()
      const error = s3ErrorFrom(failure, address)
      const context = record.failed(error)
      if (address !== undefined && address.kind !== 'service' && showsRegion(error)) {
        res.setHeader('x-amz-bucket-region', settings.region)
      }
      if (!left.signal.aborted && isForOperators(error)) void tell(settings.onError, error.cause ?? error, context)
      if (!left.signal.aborted) record.begins()
      await writeError(req, res, error, requestId)
    } finally {
      memory.close()
    }
  }

  // Node's HTTP/2 requests and responses have every member of HTTP/1's that is used here, though not their types.
  const handler = async (req: AnyRequest, res: AnyResponse, next?: Next): Promise<void> => {
    if (next !== undefined && isOutside(req as IncomingMessage, settings.basePath)) next()
    else await exchange(req as IncomingMessage, res as ServerResponse)
  }
  const checkContinue = (req: AnyRequest, res: AnyResponse): Promise<void> =>
    exchange(req as IncomingMessage, res as ServerResponse, () => res.writeContinue())
  return Object.assign(handler, { checkContinue, connection: shareTurns, flush: answer.flush })
}

/** Calls a hook. What it throws is a warning of the process: no request is to suffer from it, nor to hide it. */
async function tell<Told extends unknown[]>(hook: (...told: Told) => unknown, ...told: Told): Promise<void> {
  try {
    await hook(...told)
  } catch (thrown) {
    process.emitWarning(thrown instanceof Error ? thrown : String(thrown))
  }
}

/** 16 upper-case hex digits, as S3's; a UUID, since Node draws the randomness of many at a time. */
function createRequestId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()
}

/**
 * Failures of ours or of PFS (NotImplemented is none), tokens of the configuration that Pachyderm refuses, and wrong
 * signatures, whose likely cause the client does not hear.
 */
function isForOperators(error: S3Error): boolean {
  if (error.code === 'SignatureDoesNotMatch' || error.cause instanceof ServiceTokenError) return true
  return error.status >= 500 && error.code !== 'NotImplemented'
}

/** SDKs find out the region of a bucket by a request that is refused. */
function showsRegion(error: S3Error): boolean {
  return error.status === 403 || error.code === 'AuthorizationHeaderMalformed'
}

function isOutside(req: IncomingMessage, basePath: string): boolean {
  if (basePath === '' || mountPathOf(req) !== '') return false
  const path = pathOf(receivedTarget(req))
  return path !== basePath && !path.startsWith(`${basePath}/`)
}

/** A body that was read before it came here is gone, and with it the bytes that the signature is of. */
function requireUnreadBody(req: IncomingMessage): void {
  if (!req.readableDidRead || !hasBody(req)) return
  throw new S3Error('InvalidRequest', {
    message:
      'The body of this request was read before it reached the S3 handler. Mount the handler before body parsers (such as express.json) or keep them off its path; in hapi, set payload.parse to false and payload.output to stream on its route.',
  })
}

/** From a request to its answer; throws what prevents one. */
interface Answer {
  (request: HttpRequest, address: Address, signal: AbortSignal, record: RequestRecord): Promise<S3Response>
  /** Writes what may be written after an answer; for a process that is about to end. */
  readonly flush: () => Promise<void>
}

/**
 * Authenticates a request, finds its operation and runs it; `signal` ends the PFS calls that it makes, and `record` gets
 * what becomes known.
 */
function createAnswer(pfs: PfsClient, auth: AuthConfig, settings: Settings): Answer {
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
