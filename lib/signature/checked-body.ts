import { type ChecksumAlgorithm, createDigest, type Digest } from '../checksums.js'
import { decodeAwsChunked, readTrailer } from './aws-chunked.js'
import type { ChunkChain } from './claim.js'
import { type Expectation, exactLength, type Payload } from './payload.js'

/**
 * The content of a request, to be read once. If anything is wrong with it (hash, chunk signature, MD5, checksum, length,
 * framing, trailer), the iteration throws an S3Error instead of ending.
 */
export interface CheckedBody extends AsyncIterable<Uint8Array> {
  /** Bytes of content without framing; undefined if the client did not announce a length. */
  readonly length: number | undefined
  /** Checksums that the client sent and the content matches: header name → base64. Call it only after the end. */
  readonly checksums: () => ReadonlyMap<string, string>
}

/** Wraps a body in its checks; chunk signatures are verified only if there is a chain. */
export function createCheckedBody(
  body: AsyncIterable<Uint8Array>,
  payload: Payload,
  chain?: ChunkChain | undefined,
): CheckedBody {
  const { framing } = payload
  let proven: ReadonlyMap<string, string> | undefined

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    const expectations = [...payload.expectations]
    const algorithms = expectations.map(({ algorithm }) => algorithm)
    const digests = await createDigests(
      framing?.trailerChecksum === undefined ? algorithms : [...algorithms, framing.trailerChecksum],
    )
    const wire = exactLength(body, payload.wireLength)
    const content =
      framing === undefined
        ? wire
        : decodeAwsChunked(wire, framing, chain, (section) => {
            expectations.push(...readTrailer(section, framing, chain))
          })
    for await (const bytes of content) {
      for (const digest of digests.values()) digest.update(bytes)
      yield bytes
    }
    requireDigests(expectations, digests)
    proven = checksumsFrom(expectations)
  }

  return {
    length: framing?.decodedLength ?? payload.wireLength,
    checksums: () => {
      if (proven === undefined)
        throw new Error('the checksums of a body are known only after it has been read to its end')
      return proven
    },
    [Symbol.asyncIterator]: read,
  }
}

async function createDigests(
  algorithms: readonly ChecksumAlgorithm[],
): Promise<ReadonlyMap<ChecksumAlgorithm, Digest>> {
  const digests = new Map<ChecksumAlgorithm, Digest>()
  for (const algorithm of new Set(algorithms)) digests.set(algorithm, await createDigest(algorithm))
  return digests
}

function requireDigests(expectations: readonly Expectation[], digests: ReadonlyMap<ChecksumAlgorithm, Digest>): void {
  const calculated = new Map([...digests].map(([algorithm, digest]) => [algorithm, digest.digest()]))
  for (const { algorithm, digest, refusal } of expectations) {
    const actual = calculated.get(algorithm) ?? Buffer.alloc(0)
    if (!actual.equals(digest)) throw refusal(actual)
  }
}

function checksumsFrom(expectations: readonly Expectation[]): ReadonlyMap<string, string> {
  const checksums = new Map<string, string>()
  for (const { header, digest } of expectations) {
    if (header !== undefined) checksums.set(header, digest.toString('base64'))
  }
  return checksums
}
