import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createCredentialSource, ServiceTokenError, withoutServiceToken } from './credential-source.js'
import { S3Error } from './errors.js'
import { createGateway } from './gateway.js'
import { type Address, bucketFromHost, parseAddress, requireKeyLength, withTrustedHost } from './http/address.js'
import { hasBody, readBody } from './http/body.js'
import { createByteBudget } from './http/byte-budget.js'
import { answerPreflight, corsHeaders, isPreflight } from './http/cors.js'
import { shareTurns, waitForTurn } from './http/message-flow.js'
import { type HttpRequest, mountPathOf, pathOf, readRequest, receivedTarget } from './http/request.js'
import { type S3Response, setHeaders, writeError, writeResponse } from './http/response.js'
import { refuseUnreadable } from './http/unreadable-request.js'
import { requireExpectedOwner } from './operations/access-control.js'
import type { Call } from './operations/call.js'
import { postObject } from './operations/post-object.js'
import { type AuthConfig, readAuthConfig, readOptions, type S3HandlerOptions, type Settings } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { type CallMeter, isIterable } from './pfs/observed-call.js'
import { RequestLog } from './request-log.js'
import { s3ErrorFrom } from './resolver/s3-error.js'
import { isPostObject, requireMethod, routeOperation, routes } from './routes.js'
import { authenticate, type Identity } from './signature/authenticate.js'
import { limitDiagnoses } from './signature/diagnosis.js'
import { readFormPost } from './signature/post-policy.js'

type Next = (error?: unknown) => unknown
type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

/** Handles HTTP requests; a listener for `node:http`, `node:https` and `node:http2` servers. */
export interface S3Handler {
  /** Calls `next` for a request outside `basePath`; without `next`, such a request gets 404 NotFound. */
  (req: AnyRequest, res: AnyResponse, next?: Next): Promise<void>
  /**
   * Writes the object records (metadata, ETags) that are still in memory: they are written up to a second after their
   * objects. Call it after the server has closed, before the process exits.
   */
  readonly flush: () => Promise<void>
  /**
   * Listener for the 'connection' event ('secureConnection' with TLS) of a server that serves only this handler. It keeps
   * many clients that start to send small chunks at the same time from blocking the event loop together.
   */
  readonly connection: (socket: Socket) => void
  /** Listener for the 'checkContinue' event: sends 100 Continue after the signature has been verified. */
  readonly checkContinue: (req: AnyRequest, res: AnyResponse) => Promise<void>
  /**
   * Listener for the 'clientError' event of a server that serves only this handler: refuses requests that Node cannot parse
   * with S3's XML instead of an empty 400.
   */
  readonly clientError: (error: Error, socket: Duplex) => void
}

/**
 * Creates a request listener that serves PFS over the S3 API.
 *
 * @throws TypeError if an option is unknown or invalid.
 * @example
 * ```ts
 * const pfs = createPfsClient('grpc://pachd:1650')
 * createServer(createS3Handler(pfs, { mode: 'pachyderm' })).listen(8080)
 * ```
 */
export function createS3Handler(pfs: PfsClient, authConfig: AuthConfig, options: S3HandlerOptions = {}): S3Handler {
  const settings = readOptions(options)
  const budget = createByteBudget(settings.maxBufferedBytes)
  const dispatch = createDispatch(pfs, readAuthConfig(authConfig), settings)
  /** The last response on each connection, until it is closed. */
  const current = new WeakMap<Duplex, ServerResponse>()

  async function exchange(req: IncomingMessage, res: ServerResponse, beforeBody?: () => void): Promise<void> {
    if (req.socket instanceof Socket) current.set(req.socket, res)
    if (isBehindAnother(req, res)) await waitForTurn(req.socket, res)
    const requestId = createRequestId()
    const log = new RequestLog(req, requestId)
    const clientGone = new AbortController()
    // Each PFS call of the request adds a listener, and Node warns at more than ten.
    setMaxListeners(0, clientGone.signal)
    const memory = budget.open()
    const { bodyTimeoutMilliseconds: timeoutMilliseconds, maxBodyBytes: maxBytes } = settings
    const body = readBody(req, { timeoutMilliseconds, maxBytes, beforeBody, memory })
    res.once('close', () => {
      if (current.get(req.socket) === res) current.delete(req.socket)
      if (!res.writableFinished) clientGone.abort(new Error('the client has left'))
      settings.onResponse(log.end(res, body))
    })
    res.setHeader('x-amz-request-id', requestId)
    // Browsers must use the declared content type instead of sniffing it.
    res.setHeader('x-content-type-options', 'nosniff')
    let address: Address | undefined
    try {
      const request = withTrustedHost(readRequest(req, body, memory), settings.trustForwardedHost)
      address = parseAddress(request, { ...settings, mountPath: mountPathOf(req) || settings.basePath })
      log.setAddress(request, address)
      requireUnreadBody(req)
      const bucket = address.kind === 'service' ? undefined : address.bucket
      setHeaders(res, corsHeaders(settings.cors, bucket, request))
      const response = isPreflight(request)
        ? answerPreflight(settings.cors, bucket, request)
        : await dispatch(request, address, clientGone.signal, log)
      body.close()
      if (!isIterable(response.body)) log.markFirstByte()
      await writeResponse(res, response, req.method === 'HEAD')
    } catch (failure) {
      body.close()
      const error = s3ErrorFrom(failure, address)
      const context = log.setError(error)
      if (address !== undefined && address.kind !== 'service' && showsRegion(error)) {
        res.setHeader('x-amz-bucket-region', settings.region)
      }
      if (!clientGone.signal.aborted && isForOperators(error)) settings.onError(error.cause ?? error, context)
      if (!clientGone.signal.aborted) log.markFirstByte()
      await writeError(req, res, error, requestId)
    } finally {
      memory.close()
    }
  }

  // Node's HTTP/2 messages have all HTTP/1 members that are used here, but other types.
  const handler = async (req: AnyRequest, res: AnyResponse, next?: Next): Promise<void> => {
    if (next !== undefined && isOutside(req as IncomingMessage, settings.basePath)) next()
    else await exchange(req as IncomingMessage, res as ServerResponse)
  }
  const checkContinue = (req: AnyRequest, res: AnyResponse): Promise<void> =>
    exchange(req as IncomingMessage, res as ServerResponse, () => res.writeContinue())
  const clientError = (error: Error, socket: Duplex): void =>
    refuseUnreadable(error, socket, current.get(socket), createRequestId())
  return Object.assign(handler, { checkContinue, clientError, connection: shareTurns, flush: dispatch.flush })
}

/**
 * Whether the response to an earlier request of the connection comes first. Node passes pipelined requests on at once, but
 * gives a response its socket when it is the next one; never if the connection ends before, and then emits no event.
 */
function isBehindAnother({ socket }: IncomingMessage, res: ServerResponse): boolean {
  // Requests that frameworks inject have another kind of socket, or one that is not connected.
  return res.socket === null && socket instanceof Socket && (socket.destroyed || !socket.pending)
}

/** 16 upper-case hex digits, like S3's; from a UUID, since Node generates random bytes for many UUIDs at once. */
function createRequestId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()
}

/**
 * Whether `onError` is called: for failures of the gateway or of PFS, refused tokens of the configuration, and wrong
 * signatures, whose likely cause is not sent to the client.
 */
function isForOperators(error: S3Error): boolean {
  if (error.code === 'SignatureDoesNotMatch' || error.cause instanceof ServiceTokenError) return true
  return error.status >= 500 && error.code !== 'NotImplemented'
}

/** SDKs find the region of a bucket through a refused request. */
function showsRegion(error: S3Error): boolean {
  return error.status === 403 || error.code === 'AuthorizationHeaderMalformed'
}

function isOutside(req: IncomingMessage, basePath: string): boolean {
  if (basePath === '' || mountPathOf(req) !== '') return false
  const path = pathOf(receivedTarget(req))
  return path !== basePath && !path.startsWith(`${basePath}/`)
}

/** If a body was read before the request arrived here, its signature can no longer be verified. */
function requireUnreadBody(req: IncomingMessage): void {
  if (!req.readableDidRead || !hasBody(req)) return
  throw new S3Error('InvalidRequest', {
    message:
      'The body of this request was read before it reached the S3 handler. Mount the handler before body parsers (such as express.json) or keep them off its path; in hapi, set payload.parse to false and payload.output to stream on its route.',
  })
}

/** Executes a request. */
interface Dispatch {
  (request: HttpRequest, address: Address, signal: AbortSignal, log: RequestLog): Promise<S3Response>
  /** As `flush` of the handler. */
  readonly flush: () => Promise<void>
}

/**
 * Authenticates a request, finds its operation and runs it; `signal` cancels its PFS calls.
 */
function createDispatch(pfs: PfsClient, auth: AuthConfig, settings: Settings): Dispatch {
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

  /** Converts failures to S3 errors, and explains missing buckets, except for HEAD, whose responses have no body. */
  async function withS3Errors(
    call: Call,
    { address, identity, log }: { address: Address; identity: Identity; log: RequestLog },
    response: Promise<S3Response>,
  ): Promise<S3Response> {
    const errorOf = (failure: unknown) => withoutServiceToken(s3ErrorFrom(failure, address), auth.mode, identity)
    try {
      return log.countBody(await response, errorOf)
    } catch (failure) {
      const error = errorOf(failure)
      if (call.request.method === 'HEAD') throw error
      throw await gateway.missingBuckets.explain(error, call.options)
    }
  }

  async function execute(
    request: HttpRequest,
    address: Address,
    signal: AbortSignal,
    log: RequestLog,
  ): Promise<S3Response> {
    if (address.kind === 'bucket' && isPostObject('bucket', request)) {
      const { identity, body, fields, key } = await readFormPost(request, address.bucket, signatures)
      log.setIdentity(identity)
      log.setFormKey(key)
      const call = { gateway, request, body, options: callOptions(identity, signal, log.meter) }
      const bucket = gateway.bucketNames.parse(address.bucket)
      requireExpectedOwner(request, 'x-amz-expected-bucket-owner')
      return withS3Errors(
        call,
        { address, identity, log },
        postObject({ ...call, bucket, key: requireKeyLength(key) }, fields),
      )
    }
    requireMethod(address.kind, request)
    const { identity, body } = await authenticate(request, signatures, bucketFromHost(request, settings))
    log.setIdentity(identity)
    const call = { gateway, request, body, options: callOptions(identity, signal, log.meter) }
    return withS3Errors(call, { address, identity, log }, run(request, address, call))
  }
  return Object.assign(execute, { flush: () => gateway.records.flush() })
}
