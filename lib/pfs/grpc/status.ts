import { PfsError, type PfsStatus, pfsStatusCodes } from '../errors.js'

/** The part of grpc-js's status objects and errors that says what happened. */
export interface WireStatus {
  readonly code: number
  readonly details: string
}

/** What grpc-js says, as INTERNAL, of the calls of a connection that the server or a proxy has ended with an error. */
const brokenConnection = /triggered by internal client error/

/** The error of a status that is not OK; a number that gRPC does not have is UNKNOWN. */
export function pfsErrorFromStatus({ code, details }: WireStatus, options?: ErrorOptions): PfsError {
  if (code === pfsStatusCodes.INTERNAL && brokenConnection.test(details)) {
    return new PfsError('UNAVAILABLE', details, options)
  }
  const statuses = Object.keys(pfsStatusCodes) as PfsStatus[]
  const status = statuses.find((name) => pfsStatusCodes[name] === code) ?? 'UNKNOWN'
  return new PfsError(status, details, options)
}

/** What a server answers: a PfsError as it is, anything else as UNKNOWN with its message, as Go's servers do. */
export function statusFromError(error: unknown): WireStatus {
  if (error instanceof PfsError) return { code: pfsStatusCodes[error.status], details: error.message }
  return { code: pfsStatusCodes.UNKNOWN, details: error instanceof Error ? error.message : String(error) }
}
