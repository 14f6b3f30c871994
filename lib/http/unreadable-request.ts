import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { S3Error, unknownCoding } from '../errors.js'
import { errorDocument } from './response.js'

/** How long a refused client may read its response before the socket is closed, in milliseconds. */
const lingerMilliseconds = 1000

/**
 * Refuses what Node's parser cannot read with S3's XML, then closes the connection: its next byte may be anything.
 *
 * @param current The last response on the connection, unless it has been sent completely.
 */
export function refuseUnreadable(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  current: ServerResponse | undefined,
  requestId: string,
): void {
  // Node reports each further piece of the same message, too.
  if (socket.writableEnded) return
  // A response without a socket waits for that to an earlier request, for which a client would take the error.
  const isOfBody = current !== undefined && !current.req.complete && current.socket !== null
  if (error.code === 'ECONNRESET' || !socket.writable || (current !== undefined && !isOfBody)) {
    socket.destroy(error)
    return
  }
  const isRefused = current?.headersSent === true
  socket.end(isRefused ? undefined : responseTo(error, requestId), () => {
    // The body of a request that runs never ends; closing the socket cancels it.
    if (isOfBody && !isRefused) socket.destroy()
  })
  // Closing the socket while the client sends would reset the connection and lose the response.
  setTimeout(() => socket.destroy(), lingerMilliseconds).unref()
}

function responseTo(error: NodeJS.ErrnoException, requestId: string): string {
  const refusal = s3ErrorFrom(error)
  const document = errorDocument(refusal, undefined, requestId)
  const lines = [
    `HTTP/1.1 ${refusal.status} ${refusal.code}`,
    'content-type: application/xml',
    `content-length: ${Buffer.byteLength(document)}`,
    `x-amz-request-id: ${requestId}`,
    'connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${document}`
}

function s3ErrorFrom({ code, message }: NodeJS.ErrnoException): S3Error {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new S3Error('RequestHeaderSectionTooLarge')
    case 'HPE_INVALID_TRANSFER_ENCODING':
      return unknownCoding()
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new S3Error('RequestTimeout')
    default:
      return new S3Error('BadRequest', { message: `An error occurred when parsing the HTTP request: ${message}.` })
  }
}
