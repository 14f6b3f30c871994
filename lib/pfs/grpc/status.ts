import { Metadata } from '@grpc/grpc-js'
import { PfsError, type PfsStatus, pfsStatusCodes } from '../errors.js'

/** The part of grpc-js's status objects and errors that says what happened. */
export interface WireStatus {
  readonly code: number
  readonly details: string
}

/** What grpc-js says, as INTERNAL, of the calls of a connection that the server or a proxy has ended with an error. */
const brokenConnection = /triggered by internal client error/

/** What grpc-js adds to the error of a refused connection, most often with nothing behind it. */
const resolutionNote = /\s*Resolution note:[\s\S]*$/

/** The error of a status that is not OK; a number that gRPC does not have is UNKNOWN. */
export function pfsErrorFromStatus({ code, details }: WireStatus, options?: ErrorOptions): PfsError {
  if (code === pfsStatusCodes.INTERNAL && brokenConnection.test(details)) {
    return new PfsError('UNAVAILABLE', details, options)
  }
  const message = details.replace(resolutionNote, '')
  const statuses = Object.keys(pfsStatusCodes) as PfsStatus[]
  const status = statuses.find((name) => pfsStatusCodes[name] === code) ?? 'UNKNOWN'
  return new PfsError(status, message, options)
}

/** A status as a server sends it. */
export interface SentStatus extends WireStatus {
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
