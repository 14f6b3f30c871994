import { type Channel, Metadata, status as statusCodes } from '@grpc/grpc-js'
import type { CallOptions } from '../client.js'
import { PfsError, type PfsStatus, pfsStatusCodes } from '../errors.js'

/** The responses of a call. Only one `receive` may be pending at a time. */
export interface Download {
  /** The next response; undefined if the call has ended successfully. Rejects with the PfsError of a failed call. */
  receive(): Promise<Buffer | undefined>
  /** Cancels the call if it is still running. */
  cancel(): void
}

/**
 * One gRPC call, message by message: reads from the wire only when asked. After the call has failed, every method rejects
 * with its PfsError. Only one step may be pending at a time.
 */
export interface Call extends Download {
  /** Resolves when the transport accepts the next message. */
  send(message: Buffer): Promise<void>
  /** Ends the request stream. */
  halfClose(): void
  /** Resolves with `pending`, or rejects if the call ends first. */
  whileOpen<T>(pending: Promise<T>): Promise<T>
}

/** The error of a call that its caller has cancelled. */
export function cancelled(signal: AbortSignal | undefined): PfsError {
  return new PfsError('CANCELLED', 'the caller cancelled the call', { cause: signal?.reason })
}

/** Throws UNAUTHENTICATED for a token that no header can contain: grpc-js would throw an error that contains the token. */
export function requireSendable(authToken: string | undefined): void {
  if (/^[\x20-\x7e]*$/.test(authToken ?? '')) return
  throw new PfsError('UNAUTHENTICATED', 'the auth token contains characters that are not allowed in a token')
}

function metadataFromToken(authToken: string | undefined): Metadata {
  const metadata = new Metadata()
  if (authToken === undefined || authToken === '') return metadata
  requireSendable(authToken)
  metadata.set('authn-token', authToken)
  return metadata
}

/** Starts a call. `deadlineMilliseconds` counts from now; undefined means no deadline. */
export function startCall(
  channel: Channel,
  path: string,
  { signal, authToken }: CallOptions,
  deadlineMilliseconds = Number.POSITIVE_INFINITY,
): Call {
  if (signal?.aborted) throw cancelled(signal)
  const metadata = metadataFromToken(authToken)
  const call = createCall(channel, path, Date.now() + deadlineMilliseconds)

  let ended: WireStatus | undefined
  let onMessage = (_message: Buffer): void => {}
  let onEnd = (_status: WireStatus): void => {}

  function failure(status: WireStatus): PfsError {
    if (signal?.aborted) return cancelled(signal)
    if (status.code === statusCodes.OK) return new PfsError('INTERNAL', `${path} ended before it had read all messages`)
    return pfsErrorFromStatus(status, { cause: new Error(`${path} answered ${status.code}`) })
  }

  function cancel(): void {
    if (ended === undefined) call.cancelWithStatus(statusCodes.CANCELLED, 'cancelled')
  }

  call.start(metadata, {
    onReceiveMetadata: () => {},
    onReceiveMessage: (message: Buffer) => onMessage(message),
    onReceiveStatus(status) {
      ended = status
      signal?.removeEventListener('abort', cancel)
      onEnd(status)
    },
  })
  signal?.addEventListener('abort', cancel)

  function whileOpen<T>(pending: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      onEnd = (status) => reject(failure(status))
      if (ended !== undefined) onEnd(ended)
      pending.then(resolve, reject)
    })
  }

  return {
    whileOpen,
    send: (message) =>
      whileOpen(new Promise((resolve) => call.sendMessageWithContext({ callback: () => resolve() }, message))),
    halfClose: () => call.halfClose(),
    receive: () =>
      new Promise((resolve, reject) => {
        onMessage = resolve
        onEnd = (status) => (status.code === statusCodes.OK ? resolve(undefined) : reject(failure(status)))
        if (ended === undefined) call.startRead()
        else onEnd(ended)
      }),
    cancel,
  }
}

function createCall(channel: Channel, path: string, deadline: number) {
  try {
    return channel.createCall(path, deadline, null, null, null)
  } catch (cause) {
    throw new PfsError('CANCELLED', 'the PFS client is closed', { cause })
  }
}

/** The part of grpc-js's status objects and errors that describes the failure. */
interface WireStatus {
  readonly code: number
  readonly details: string
}

/** grpc-js's text, with the status INTERNAL, for calls on a connection that a server or proxy ended with an error. */
const brokenConnection = /triggered by internal client error/

/** grpc-js appends this to the error of a refused connection, usually without content. */
const resolutionNote = /\s*Resolution note:[\s\S]*$/

/** The error of a status other than OK; an unknown code becomes UNKNOWN. */
export function pfsErrorFromStatus({ code, details }: WireStatus, options?: ErrorOptions): PfsError {
  if (code === pfsStatusCodes.INTERNAL && brokenConnection.test(details)) {
    return new PfsError('UNAVAILABLE', details, options)
  }
  const message = details.replace(resolutionNote, '')
  const statuses = Object.keys(pfsStatusCodes) as PfsStatus[]
  const status = statuses.find((name) => pfsStatusCodes[name] === code) ?? 'UNKNOWN'
  return new PfsError(status, message, options)
}

/** A status to be sent by a server. */
interface SentStatus extends WireStatus {
  readonly metadata: Metadata
}

/**
 * The status that a server sends for an error: a PfsError unchanged, any other error as UNKNOWN with its message, like Go's
 * servers. Like them it does not encode spaces, which grpc-js would: so Node clients lose a message that ends with one,
 * since Node's HTTP/2 drops such a header.
 */
export function statusFromError(error: unknown): SentStatus {
  const code = error instanceof PfsError ? pfsStatusCodes[error.status] : pfsStatusCodes.UNKNOWN
  const details = error instanceof Error ? error.message : String(error)
  const metadata = new Metadata()
  metadata.set('grpc-message', encodeURI(details).replaceAll('%20', ' '))
  return { code, details, metadata }
}
