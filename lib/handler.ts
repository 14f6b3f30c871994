import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createCredentialSource } from './credentials.js'
import { S3Error } from './errors.js'
import { createGateway } from './gateway.js'
import { type Address, bucketFromHost, parseAddress, requireKeyLength } from './http/address.js'
import { hasBody } from './http/early-answer.js'
import { type HttpRequest, mountPathOf, pathOf, readRequest, receivedTarget } from './http/request.js'
import { type S3Response, writeError, writeResponse } from './http/response.js'
import { postObject } from './operations/post-object.js'
import { type AuthConfig, readAuthConfig, readOptions, type S3HandlerOptions } from './options.js'
import type { CallOptions, PfsClient } from './pfs/client.js'
import { parseBucketName } from './resolver/bucket-name.js'
import { s3ErrorFrom } from './resolver/s3-error.js'
import { routeOperation, routes } from './routes.js'
import { authenticate, type Identity } from './signature/authenticate.js'
import { isFormPost, readFormPost } from './signature/form-post.js'

type Next = (error?: unknown) => unknown

/** Answers one HTTP request. */
export interface S3Handler {
  /** `next` is called for a request outside `basePath`; without it, such a request is answered InvalidURI. */
  (req: IncomingMessage, res: ServerResponse, next?: Next): Promise<void>
  /** For a server's 'checkContinue' event: the client is told to send its body when its signature has been checked. */
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => Promise<void>
}

/** S3 over PFS as a request listener of any Node.js HTTP server; throws TypeError for an option that is none. */
export function createS3Handler(pfs: PfsClient, authConfig: AuthConfig, options: S3HandlerOptions = {}): S3Handler {
  const settings = readOptions(options)
  const auth = readAuthConfig(authConfig)
  const gateway = createGateway(pfs, settings)
  const signatures = { credentials: createCredentialSource(auth, pfs), region: settings.signingRegion }
  const anonymousToken = auth.mode === 'none' ? auth.authToken : undefined

  function callOptions(identity: Identity, signal: AbortSignal): CallOptions {
    const authToken = identity.authToken ?? anonymousToken
    return authToken === undefined ? { signal } : { signal, authToken }
  }

  async function answer(request: HttpRequest, address: Address, signal: AbortSignal): Promise<S3Response> {
    if (address.kind === 'bucket' && isFormPost(request)) {
      const { identity, body, fields, key } = await readFormPost(request, address.bucket, signatures)
      const call = { gateway, request, body, options: callOptions(identity, signal) }
      return postObject({ ...call, bucket: parseBucketName(address.bucket), key: requireKeyLength(key) }, fields)
    }
    const { identity, body } = await authenticate(request, signatures, bucketFromHost(request, settings))
    const call = { gateway, request, body, options: callOptions(identity, signal) }
    switch (address.kind) {
      case 'service':
        return routeOperation(routes.service, request)(call)
      case 'bucket':
        return routeOperation(routes.bucket, request)({ ...call, bucket: parseBucketName(address.bucket) })
      case 'object': {
        const bucket = parseBucketName(address.bucket)
        return routeOperation(routes.object, request)({ ...call, bucket, key: address.key })
      }
    }
  }

  async function exchange(req: IncomingMessage, res: ServerResponse, beforeBody?: () => void): Promise<void> {
    const context = {
      requestId: randomBytes(8).toString('hex').toUpperCase(),
      method: req.method ?? '',
      target: receivedTarget(req),
    }
    const started = performance.now()
    const left = new AbortController()
    res.once('close', () => left.abort(new Error('the client has left')))
    res.setHeader('x-amz-request-id', context.requestId)
    let address: Address | undefined
    let code: string | undefined
    try {
      const request = readRequest(req, beforeBody)
      address = parseAddress(request, { ...settings, mountPath: mountPathOf(req) || settings.basePath })
      requireUnreadBody(req)
      await writeResponse(res, await answer(request, address, left.signal), req.method === 'HEAD')
    } catch (failure) {
      const error = s3ErrorFrom(failure, address)
      code = error.code
      if (!left.signal.aborted && error.cause !== undefined) settings.onError(error.cause, context)
      await writeError(req, res, error, context.requestId)
    }
    const status = res.writableFinished ? res.statusCode : 499
    settings.onResponse({ ...context, status, ...(code && { code }), milliseconds: performance.now() - started })
  }

  const handler = async (req: IncomingMessage, res: ServerResponse, next?: Next): Promise<void> => {
    if (next !== undefined && isOutside(req, settings.basePath)) next()
    else await exchange(req, res)
  }
  const checkContinue = (req: IncomingMessage, res: ServerResponse): Promise<void> =>
    exchange(req, res, () => res.writeContinue())
  return Object.assign(handler, { checkContinue })
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
      'The body of this request was read before it reached the S3 handler. Mount the handler before body parsers (such as express.json) or keep them off its path.',
  })
}
