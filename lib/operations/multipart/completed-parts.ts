import { createHash } from 'node:crypto'
import { type ChecksumAlgorithm, checksumAlgorithms, checksumElement } from '../../checksums.js'
import { invalidArgument, S3Error } from '../../errors.js'
import { malformedXml, readXml, type XmlSource } from '../../http/xml.js'
import type { Part } from '../../resolver/uploads/parts.js'
import type { UploadId } from '../../resolver/uploads/staging.js'
import { parseUploadPartNumber } from '../part-number.js'

/** A part in the document of CompleteMultipartUpload. */
export interface CompletedPart {
  readonly partNumber: number
  /** Without quotes. */
  readonly etag: string
  /** In base64, by algorithm; undefined if there are none. */
  readonly checksums?: ReadonlyMap<ChecksumAlgorithm, string>
}

/** Maximum size of the document in bytes, enough for 10,000 indented parts with checksums. */
const maxCompleteBytes = 8 * 1024 * 1024
const maxParts = 10_000
const minPartBytes = 5 * 1024 * 1024

/** Algorithms by the name of their XML element. */
const algorithms = new Map(checksumAlgorithms.map((algorithm) => [checksumElement(algorithm), algorithm]))

const noChecksums: ReadonlyMap<ChecksumAlgorithm, string> = new Map()

/** Parses the list of parts; throws MalformedXML, InvalidArgument, InvalidPartOrder. */
export async function readCompletedParts(source: XmlSource): Promise<readonly CompletedPart[]> {
  const parts: CompletedPart[] = []
  const onEnd = (texts: ReadonlyMap<string, string>): void => {
    const part = parsePart(texts)
    if (part.partNumber <= (parts.at(-1)?.partNumber ?? 0)) throw new S3Error('InvalidPartOrder')
    parts.push(part)
  }
  const onStart = (): void => {
    if (parts.length === maxParts) throw malformedXml()
  }
  const Part = { texts: ['PartNumber', 'ETag', ...algorithms.keys()], onStart, onEnd }
  await readXml(source, 'CompleteMultipartUpload', { elements: { Part } }, maxCompleteBytes)
  if (parts.length === 0) throw malformedXml()
  return parts
}

function parsePart(texts: ReadonlyMap<string, string>): CompletedPart {
  const partNumber = texts.get('PartNumber')?.trim()
  const etag = texts.get('ETag')?.trim()
  if (partNumber === undefined || etag === undefined) throw malformedXml()
  const part = { partNumber: parseUploadPartNumber(partNumber), etag: etag.replace(/^"(.*)"$/, '$1') }
  if (texts.size === 2) return part
  const checksums = new Map<ChecksumAlgorithm, string>()
  for (const [name, text] of texts) {
    const algorithm = algorithms.get(name)
    if (algorithm !== undefined) checksums.set(algorithm, text.trim())
  }
  return { ...part, checksums }
}

/** Identifies a list of parts. */
export function fingerprintOf(parts: readonly CompletedPart[]): string {
  return createHash('sha256')
    .update(JSON.stringify(parts.map(({ partNumber, etag }) => [partNumber, etag])))
    .digest('hex')
}

/** The requested parts; throws InvalidPart if a part is missing or different, EntityTooSmall. */
export function selectParts(
  id: UploadId,
  completed: readonly CompletedPart[],
  uploaded: ReadonlyMap<number, Part>,
): readonly Part[] {
  return completed.map(({ partNumber, etag }, index) => {
    const part = uploaded.get(partNumber)
    // A file that a user has copied there has no checksum.
    const isComplete = id.checksum === undefined || part?.checksum !== undefined
    if (part === undefined || part.etag !== `"${etag}"` || !isComplete) throw invalidPart(id, partNumber, etag)
    if (part.info.sizeBytes < minPartBytes && index < completed.length - 1) {
      throw new S3Error('EntityTooSmall', {
        fields: {
          ProposedSize: String(part.info.sizeBytes),
          MinSizeAllowed: String(minPartBytes),
          PartNumber: String(partNumber),
          ETag: etag,
        },
      })
    }
    return part
  })
}

/**
 * Throws InvalidArgument if a part has several checksums, BadDigest if it has one of another algorithm than the upload, and
 * InvalidRequest if the upload's checksum is composite and the checksum of a part is missing.
 */
export function requireChecksums({ checksum }: UploadId, completed: readonly CompletedPart[]): void {
  if (checksum === undefined) return
  for (const { partNumber, checksums = noChecksums } of completed) {
    const [[algorithm, value] = [], ...more] = checksums
    if (more.length > 0) throw invalidArgument('Checksum', { message: `Part ${partNumber} has several checksums.` })
    if (algorithm !== undefined && algorithm !== checksum.algorithm) {
      const message = `The ${algorithm} you specified for part ${partNumber} did not match what we received.`
      throw new S3Error('BadDigest', { message })
    }
    if (value !== undefined || checksum.type !== 'COMPOSITE') continue
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using a ${checksum.algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
    })
  }
}

/** Throws InvalidPart if the client's checksum of a part differs from the stored one. */
export function requireSameChecksums(id: UploadId, completed: readonly CompletedPart[], kept: readonly Part[]): void {
  for (const [index, { partNumber, etag, checksums }] of completed.entries()) {
    const given = id.checksum && checksums?.get(id.checksum.algorithm)
    if (given !== undefined && given !== kept[index]?.checksum?.toString('base64'))
      throw invalidPart(id, partNumber, etag)
  }
}

function invalidPart(id: UploadId, partNumber: number, etag: string): S3Error {
  return new S3Error('InvalidPart', { fields: { UploadId: id.text, PartNumber: String(partNumber), ETag: etag } })
}
