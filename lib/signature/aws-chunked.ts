import { createHash } from 'node:crypto'
import { checksumHeader } from '../checksums.js'
import { yieldTurn } from '../concurrency.js'
import { S3Error } from '../errors.js'
import { type ByteReader, createByteReader } from '../http/byte-reader.js'
import type { ChunkChain } from './claim.js'
import { type Expectation, expectedChecksum, type Framing } from './payload.js'

/** Longest chunk header in bytes: a size in hex and a signature, with room to spare. */
const maxHeader = 256

/** Longest trailer in bytes. */
const maxTrailer = 16 * 1024

/**
 * Decodes an aws-chunked body (`size;chunk-signature=…`, content, …, a chunk of size 0, a trailer). Verifies the
 * signature of each chunk if there is a `chain`, and passes the trailer to `onTrailer` when the body has ended.
 *
 * @throws S3Error IncompleteBody if the framing is cut off, malformed or does not add up to the announced length.
 * @throws S3Error SignatureDoesNotMatch for a forged chunk, before its last bytes are passed on.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
export async function* decodeAwsChunked(
  body: AsyncIterable<Uint8Array>,
  framing: Framing,
  chain: ChunkChain | undefined,
  onTrailer: (section: Buffer) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createByteReader(body)
  try {
    let missing = framing.decodedLength
    for (;;) {
      await yieldTurn()
      const chunk = parseChunkHeader(await reader.line(maxHeader))
      missing -= chunk.size
      if (missing < 0) throw new S3Error('IncompleteBody')
      yield* chunkContent(reader, chunk, chain)
      if (chunk.size === 0) break
      if ((await reader.line(2))?.toString('latin1') !== '\r\n') throw new S3Error('IncompleteBody')
    }
    if (missing > 0) throw new S3Error('IncompleteBody')
    const section = await reader.rest(maxTrailer)
    if (section === undefined) throw new S3Error('MalformedTrailerError')
    onTrailer(section)
  } finally {
    await reader.close()
  }
}

interface ChunkHeader {
  /** Bytes. */
  readonly size: number
  /** '' if the chunk is unsigned. */
  readonly signature: string
}

function parseChunkHeader(line: Buffer | undefined): ChunkHeader {
  const text = line?.toString('latin1') ?? ''
  const [, size, signature = ''] = /^([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r\n$/.exec(text) ?? []
  if (size === undefined) throw new S3Error('IncompleteBody')
  return { size: Number.parseInt(size, 16), signature }
}

/** Holds back the last bytes of a chunk until its signature is verified. */
async function* chunkContent(
  reader: ByteReader,
  { size, signature }: ChunkHeader,
  chain: ChunkChain | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = chain === undefined ? undefined : createHash('sha256')
  const check = () => chain?.requireChunk(hash?.digest('hex') ?? '', signature)
  if (size === 0) check()
  for (let left = size; left > 0; ) {
    const piece = await reader.some(left)
    if (piece === undefined) throw new S3Error('IncompleteBody')
    hash?.update(piece)
    left -= piece.length
    if (left === 0) check()
    yield piece
  }
}

/**
 * Parses the bytes after the last chunk and returns the checksum in them.
 *
 * @throws S3Error MalformedTrailerError unless they are the trailer that the headers announced.
 * @throws S3Error SignatureDoesNotMatch if `chain` is given and did not sign the trailer.
 */
export function readTrailer(section: Buffer, framing: Framing, chain: ChunkChain | undefined): readonly Expectation[] {
  const text = section.toString('latin1')
  if (!/(^|\n)\r\n$/.test(text)) throw new S3Error('IncompleteBody')
  const fields = parseFields(text)
  const signature = framing.signed && framing.trailer ? takeField(fields, 'x-amz-trailer-signature') : undefined
  const signed = [...fields].map(([name, value]) => `${name}:${value}\n`).join('')
  const { trailerChecksum } = framing
  const value = trailerChecksum === undefined ? undefined : takeField(fields, checksumHeader(trailerChecksum))
  const missing = trailerChecksum !== undefined && value === undefined
  if (missing || fields.size > 0) throw new S3Error('MalformedTrailerError')
  if (framing.trailer) chain?.requireTrailer(signed, signature ?? '')
  return trailerChecksum === undefined || value === undefined
    ? []
    : [expectedChecksum(trailerChecksum, value, 'trailing header')]
}

/** Lines end in CR LF, except that minio-go ends them with LF and an empty line. */
function parseFields(text: string): Map<string, string> {
  if (!/^(?:[^\r\n]+(?:\r\n|\n\r\n))*\r\n$/.test(text)) throw new S3Error('MalformedTrailerError')
  const fields = new Map<string, string>()
  for (const line of text.split(/[\r\n]+/).filter((one) => one !== '')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    if (name === '' || fields.has(name)) throw new S3Error('MalformedTrailerError')
    fields.set(name, line.slice(colon + 1).trim())
  }
  return fields
}

function takeField(fields: Map<string, string>, name: string): string | undefined {
  const value = fields.get(name)
  fields.delete(name)
  return value
}
