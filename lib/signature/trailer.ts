import { checksumHeader } from '../checksums/checksums.js'
import { S3Error } from '../errors.js'
import type { ChunkChain } from './chunk-chain.js'
import { type Expectation, expectedChecksum } from './expectations.js'
import type { Framing } from './framing.js'

/**
 * Reads what follows the last chunk up to the end of the body: throws MalformedTrailerError unless it is the trailer that
 * the head announced, SignatureDoesNotMatch unless `chain` (where there is one) signed it. Answers the checksum in it.
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

/** Lines end in CR LF; minio-go ends them in LF and an empty line. */
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
