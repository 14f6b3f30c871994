import { type Channel, Metadata, status as statusCodes } from '@grpc/grpc-js'
import type { CallOptions } from '../client.js'
import { PfsError, type PfsStatus, pfsStatusCodes } from '../errors.js'

/**
 * One call on a channel, message by message: nothing is read from the wire that nobody waits for. Everything here
 * rejects with the call's PfsError once the call has failed. One step at a time may be waited for.
 */
export interface Call {
  /** Resolves when the transport wants the next message. */
  send(message: Buffer): Promise<void>
  /** Says that no message follows. */
  halfClose(): void
  /** The next message, or undefined where the call has ended well. */
  receive(): Promise<Buffer | undefined>
  /** Like `pending`, unless the call ends before it. */
  whileOpen<T>(pending: Promise<T>): Promise<T>
  /** Ends the call, if it has not ended. */
  cancel(): void
}

function metadataFromToken(authToken: string | undefined): Metadata {
  const metadata = new Metadata()
  if (authToken === undefined || authToken === '') return metadata
  // Metadata would refuse such a token with an error that repeats it.
  if (!/^[\x20-\x7e]*$/.test(authToken)) {
    throw new PfsError('UNAUTHENTICATED', 'the auth token has characters that no token has')
  }
  metadata.set('authn-token', authToken)
  return metadata
}

/** Starts the call of a method's path. `deadlineMilliseconds` is from now; absent is none. */
export function startCall(
  channel: Channel,
  path: string,
  { signal, authToken }: CallOptions,
  deadlineMilliseconds = Number.POSITIVE_INFINITY,
): Call {
  const cancelled = () => new PfsError('CANCELLED', 'the caller gave up', { cause: signal?.reason })
  if (signal?.aborted) throw cancelled()
  const metadata = metadataFromToken(authToken)
  const call = createCall(channel, path, Date.now() + deadlineMilliseconds)

  let ended: WireStatus | undefined
  let onMessage = (_message: Buffer): void => {}
  let onEnd = (_status: WireStatus): void => {}

  function failure(status: WireStatus): PfsError {
    if (signal?.aborted) return cancelled()
    if (status.code === statusCodes.OK) return new PfsError('INTERNAL', `${path} ended before it had everything`)
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

/** The part of grpc-js's status objects and errors that says what happened. */
interface WireStatus {
  readonly code: number
  readonly details: string
}

/** What grpc-js says, as INTERNAL, of the calls of a connection that the server or a proxy has ended with an error. */
const brokenConnection = /triggered by internal client error/

/** What grpc-js adds to the error of a refused connection, most often with nothing behind it. */
const resolutionNote = /\s*Resolution note:[\s\S]*$/

/** The error of a status that is not OK; a number that gRPC does not have is UNKNOWN. */
function pfsErrorFromStatus({ code, details }: WireStatus, options?: ErrorOptions): PfsError {
  if (code === pfsStatusCodes.INTERNAL && brokenConnection.test(details)) {
    return new PfsError('UNAVAILABLE', details, options)
  }
  const message = details.replace(resolutionNote, '')
  const statuses = Object.keys(pfsStatusCodes) as PfsStatus[]
  const status = statuses.find((name) => pfsStatusCodes[name] === code) ?? 'UNKNOWN'
  return new PfsError(status, message, options)
}

/** A status as a server sends it. */
interface SentStatus extends WireStatus {
  readonly metadata: Metadata
}

/**
 * What a server answers: a PfsError as it is, anything else as UNKNOWN with its message, as Go's servers do. Like them
 * it sends spaces as they are, where grpc-js would encode them: so a message that ends in one is lost on the way to a
 * client on Node, whose HTTP/2 drops such a header.
 */
export function statusFromError(error: unknown): SentStatus {
  const code = error instanceof PfsError ? pfsStatusCodes[error.status] : pfsStatusCodes.UNKNOWN
  const details = error instanceof Error ? error.message : String(error)
  const metadata = new Metadata()
  metadata.set('grpc-message', encodeURI(details).replaceAll('%20', ' '))
  return { code, details, metadata }
}
