import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A request as bytes; nothing is added to it and nothing tidied up. */
export interface RawRequest {
  readonly method?: string
  readonly target: string
  /** In order; a name may come more than once, and a value is Latin-1. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[]
  readonly body?: string | Uint8Array
  readonly version?: string
}

export interface RawResponse {
  readonly status: number
  /** By lower-case name, repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A connection on which the test decides what is sent, and when. */
export interface Wire {
  send(bytes: string | Uint8Array): void
  /** Sends, and waits until the other side accepts more; false if it has closed. */
  sent(bytes: string): Promise<boolean>
  /** Waits for some of an answer. */
  some(): Promise<void>
  /** Takes nothing more of what comes. */
  pause(): void
  /** The next answer, as long as its head says; `undefined` where the connection ends before it is whole. */
  response(toHead?: boolean): Promise<RawResponse | undefined>
  /** Says that no more is sent. */
  end(): void
  /** Ends the sending side, and waits for the other side to end, too. */
  ended(): Promise<void>
  close(): void
}

/** The bytes of a request. */
export function bytesOf({ method = 'GET', target, headers = {}, body = '', version = '1.1' }: RawRequest): Buffer {
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  const lines = [`${method} ${target} HTTP/${version}`, ...pairs.map(([name, value]) => `${name}: ${value}`)]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)])
}

/** Opens a connection to a port of this machine. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const inbox = createInbox(socket)
  return {
    send: (bytes) => void socket.write(bytes),
    sent: (bytes) => new Promise((resolve) => socket.write(bytes, (error) => resolve(error == null))),
    some: async () => void (await inbox.fill()),
    pause: () => void socket.pause(),
    response: (toHead = false) => readResponse(inbox, toHead),
    end: () => void socket.end(),
    async ended() {
      socket.end()
      while (await inbox.fill()) inbox.drop()
    },
    close: () => void socket.destroy(),
  }
}

/** Sends one request on a new connection; fails without a complete response. */
export async function exchange(port: number, request: RawRequest): Promise<RawResponse> {
  const wire = await openWire(port)
  try {
    wire.send(bytesOf(request))
    const response = await wire.response(request.method === 'HEAD')
    if (response === undefined) throw new Error('the connection ended without a whole answer')
    return response
  } finally {
    wire.close()
  }
}

/** The text of an element of an XML response; '' if it is missing. */
export function xmlText(response: RawResponse, element: string): string {
  return new RegExp(`<${element}>([^<]*)</${element}>`).exec(response.body)?.[1] ?? ''
}

/** Status and S3 code of an answer, such as '403 AccessDenied'. */
export function outcomeOf(response: RawResponse): string {
  return `${response.status} ${xmlText(response, 'Code')}`.trimEnd()
}

interface Inbox {
  /** Received bytes that were not consumed. */
  bytes(): Buffer
  /** Waits for more; false where the connection has ended. */
  fill(): Promise<boolean>
  take(length: number): Buffer
  drop(): void
}

function createInbox(socket: Socket): Inbox {
  let bytes = Buffer.alloc(0)
  let isOver = false
  let wake: () => void = () => undefined
  const over = (): void => {
    isOver = true
    wake()
  }
  socket
    .on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      wake()
    })
    .on('end', over)
    .on('close', over)
    // A reset ends the connection; what came before it is what counts.
    .on('error', over)
  const take = (length: number): Buffer => {
    const taken = bytes.subarray(0, length)
    bytes = bytes.subarray(length)
    return taken
  }
  return {
    bytes: () => bytes,
    take,
    drop: () => void take(bytes.length),
    async fill() {
      const before = bytes.length
      while (bytes.length === before && !isOver) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return bytes.length > before
    },
  }
}

async function readResponse(inbox: Inbox, toHead: boolean): Promise<RawResponse | undefined> {
  const head = await readUntil(inbox, '\r\n\r\n')
  if (head === undefined) return undefined
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`
  }
  const status = Number(statusLine.split(' ')[1])
  const bodyless = toHead || status < 200 || status === 204 || status === 304
  const body = bodyless ? '' : await readBody(inbox, headers)
  return body === undefined ? undefined : { status, headers, body }
}

async function readBody(inbox: Inbox, headers: Readonly<Record<string, string>>): Promise<string | undefined> {
  if (headers['transfer-encoding'] === 'chunked') return readChunks(inbox)
  if (headers['content-length'] === undefined) {
    while (await inbox.fill());
    return inbox.take(inbox.bytes().length).toString()
  }
  return (await readBytes(inbox, Number(headers['content-length'])))?.toString()
}

async function readChunks(inbox: Inbox): Promise<string | undefined> {
  const chunks: Buffer[] = []
  for (;;) {
    const size = await readUntil(inbox, '\r\n')
    const chunk = size === undefined ? undefined : await readBytes(inbox, Number.parseInt(size, 16) + 2)
    if (chunk === undefined) return undefined
    if (chunk.length === 2) return Buffer.concat(chunks).toString()
    chunks.push(chunk.subarray(0, -2))
  }
}

async function readUntil(inbox: Inbox, mark: string): Promise<string | undefined> {
  for (;;) {
    const end = inbox.bytes().indexOf(mark)
    if (end >= 0)
      return inbox
        .take(end + mark.length)
        .subarray(0, end)
        .toString('latin1')
    if (!(await inbox.fill())) return undefined
  }
}

async function readBytes(inbox: Inbox, length: number): Promise<Buffer | undefined> {
  while (inbox.bytes().length < length) {
    if (!(await inbox.fill())) return undefined
  }
  return inbox.take(length)
}
