import { crc32 } from 'node:zlib'

/** How the body of a PUT comes. */
export type Framing = 'content-length' | 'chunked' | 'aws-chunked'
export const framings: readonly Framing[] = ['content-length', 'chunked', 'aws-chunked']

/** A request as bytes: a head and a body. */
export interface Message {
  readonly head: Buffer
  readonly body: Buffer
}

/** The PUT of an object in wire format, in chunks of `pieceBytes` if it is framed. */
export function putMessage(target: string, content: Buffer, framing: Framing, pieceBytes = 64 * 1024): Message {
  const head = (...headers: string[]) =>
    Buffer.from([`PUT ${target} HTTP/1.1`, 'host: localhost', ...headers, '', ''].join('\r\n'))
  switch (framing) {
    case 'content-length':
      return { head: head(`content-length: ${content.length}`), body: content }
    case 'chunked': {
      const body = framed(content, pieceBytes, '0\r\n\r\n')
      return { head: head('transfer-encoding: chunked'), body }
    }
    case 'aws-chunked': {
      const body = framed(content, pieceBytes, `0\r\nx-amz-checksum-crc32:${crcOf(content)}\r\n\r\n`)
      return {
        head: head(
          'content-encoding: aws-chunked',
          'x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'x-amz-trailer: x-amz-checksum-crc32',
          `x-amz-decoded-content-length: ${content.length}`,
          `content-length: ${body.length}`,
        ),
        body,
      }
    }
  }
}

function framed(content: Buffer, pieceBytes: number, end: string): Buffer {
  const parts: Buffer[] = []
  for (let offset = 0; offset < content.length; offset += pieceBytes) {
    const piece = content.subarray(offset, offset + pieceBytes)
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from(end)])
}

function crcOf(content: Buffer): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(content))
  return sum.toString('base64')
}

/** Where a sender stops: a name, and how many bytes of the message it has sent. */
export type Boundary = readonly [name: string, bytes: number]

/** The byte boundaries of interest of a message; the last one is its whole. */
export function boundariesOf({ head, body }: Message): readonly Boundary[] {
  return [
    ['with the first byte sent', 1],
    ['with half the head sent', head.length >> 1],
    ['one byte before the end of the head', head.length - 1],
    ['with the head sent', head.length],
    ['with the first byte of the body sent', head.length + 1],
    ['in the middle of the body', head.length + (body.length >> 1)],
    ['one byte before the end of the body', head.length + body.length - 1],
    ['with everything sent', head.length + body.length],
  ]
}
