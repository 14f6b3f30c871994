import { createHash } from 'node:crypto'
import { type ChecksumAlgorithm, parseChecksumAlgorithm } from '../../checksums/checksums.js'
import { S3Error } from '../../errors.js'
import { childText, malformedXml, type XmlElement } from '../../http/xml-reader.js'
import { etagFrom } from '../../resolver/etag.js'
import type { Part } from '../../resolver/uploads/upload.js'
import type { UploadId } from '../../resolver/uploads/upload-id.js'
import { parseUploadPartNumber } from '../part-number.js'

/** A part as CompleteMultipartUpload names it. */
export interface CompletedPart {
  readonly partNumber: number
  /** Without quotes. */
  readonly etag: string
  /** In base64, by algorithm. */
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>
}

/** Longer than 10,000 parts with their checksums, indented. */
export const maxCompleteBytes = 8 * 1024 * 1024
const maxParts = 10_000
const minPartBytes = 5 * 1024 * 1024

/** Reads the list of parts; throws MalformedXML, InvalidArgument, InvalidPartOrder. */
export function parseCompletedParts(root: XmlElement | undefined): readonly CompletedPart[] {
  if (root?.name !== 'CompleteMultipartUpload') throw malformedXml()
  const parts = root.children.filter(({ name }) => name === 'Part').map(parsePart)
  if (parts.length === 0 || parts.length > maxParts) throw malformedXml()
  let last = 0
  for (const { partNumber } of parts) {
    if (partNumber <= last) throw new S3Error('InvalidPartOrder')
    last = partNumber
  }
  return parts
}

function parsePart(element: XmlElement): CompletedPart {
  const partNumber = childText(element, 'PartNumber')?.trim()
  const etag = childText(element, 'ETag')?.trim()
  if (partNumber === undefined || etag === undefined) throw malformedXml()
  const checksums = new Map<ChecksumAlgorithm, string>()
  for (const { name, text } of element.children) {
    const algorithm = parseChecksumAlgorithm(name.replace(/^Checksum/, ''))
    if (algorithm !== undefined) checksums.set(algorithm, text.trim())
  }
  return { partNumber: parseUploadPartNumber(partNumber), etag: etag.replace(/^"(.*)"$/, '$1'), checksums }
}

/** Tells one list of parts from another. */
export function fingerprintOf(parts: readonly CompletedPart[]): string {
  return createHash('sha256')
    .update(JSON.stringify(parts.map(({ partNumber, etag }) => [partNumber, etag])))
    .digest('hex')
}

/** The parts that are asked for; throws InvalidPart for one that is not there so, EntityTooSmall. */
export function selectParts(
  id: UploadId,
  completed: readonly CompletedPart[],
  uploaded: ReadonlyMap<number, Part>,
): readonly Part[] {
  return completed.map(({ partNumber, etag }, index) => {
    const part = uploaded.get(partNumber)
    if (part === undefined || etagFrom(part.info.hash) !== `"${etag}"`) throw invalidPart(id, partNumber, etag)
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

/** Throws InvalidRequest where the upload's checksum is composite and a part is listed without one. */
export function requireChecksums({ checksum }: UploadId, completed: readonly CompletedPart[]): void {
  if (checksum?.type !== 'COMPOSITE') return
  for (const { partNumber, checksums } of completed) {
    if (checksums.has(checksum.algorithm)) continue
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using a ${checksum.algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
    })
  }
}

/** Throws InvalidPart where the client gives a part another checksum than the one that is kept of it. */
export function requireSameChecksums(id: UploadId, completed: readonly CompletedPart[], kept: readonly Buffer[]): void {
  for (const [index, { partNumber, etag, checksums }] of completed.entries()) {
    const given = id.checksum && checksums.get(id.checksum.algorithm)
    if (given !== undefined && given !== kept[index]?.toString('base64')) throw invalidPart(id, partNumber, etag)
  }
}

function invalidPart(id: UploadId, partNumber: number, etag: string): S3Error {
  return new S3Error('InvalidPart', { fields: { UploadId: id.text, PartNumber: String(partNumber), ETag: etag } })
}
