import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'

/** An HTTP client that keeps its connections. */
export interface Client {
  /** Sends a request and reads the whole response; rejects for an error status. */
  send(method: string, path: string, body?: Uint8Array | Pieces, headers?: OutgoingHttpHeaders): Promise<Buffer>
  /** Like `send`, but only counts the bytes of the response. */
  count(path: string): Promise<number>
  close(): void
}

/** A body of `bytes` bytes, made of one piece again and again. */
export interface Pieces {
  readonly bytes: number
  readonly piece: Buffer
}

/** A client of the server at `url`. */
export function createClient(url: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 })

  async function exchange(
    method: string,
    path: string,
    body?: Uint8Array | Pieces,
    headers: OutgoingHttpHeaders = {},
  ): Promise<IncomingMessage> {
    const length = body === undefined ? 0 : body instanceof Uint8Array ? body.length : body.bytes
    const outgoing = request(`${url}${path}`, { method, agent, headers: { ...headers, 'content-length': length } })
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve).once('error', reject)
    })
    if (body !== undefined && !(body instanceof Uint8Array)) await writePieces(outgoing, body)
    outgoing.end(body instanceof Uint8Array ? body : undefined)
    const response = await answered
    if ((response.statusCode ?? 0) >= 300) throw new Error(`${method} ${path}: ${response.statusCode}`)
    return response
  }

  return {
    async send(method, path, body, headers) {
      const chunks: Buffer[] = []
      for await (const chunk of await exchange(method, path, body, headers)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    async count(path) {
      let bytes = 0
      for await (const chunk of await exchange('GET', path)) bytes += chunk.length
      return bytes
    },
    close: () => agent.destroy(),
  }
}

async function writePieces(outgoing: ReturnType<typeof request>, { bytes, piece }: Pieces): Promise<void> {
  for (let left = bytes; left > 0; left -= piece.length) {
    const part = left < piece.length ? piece.subarray(0, left) : piece
    if (!outgoing.write(part)) await new Promise((resolve) => outgoing.once('drain', resolve))
  }
}
