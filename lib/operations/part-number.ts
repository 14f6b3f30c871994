import { invalidArgument, S3Error } from '../errors.js'
import type { ByteRange } from '../http/range.js'
import { type HttpRequest, header, queryCount } from '../http/request.js'
import { maxPartNumber } from '../records/record.js'
import type { StoredObject } from '../resolver/object.js'

/** Parses the `partNumber` of a read; throws InvalidArgument if it is invalid, InvalidRequest together with a range. */
export function parsePartNumber(request: HttpRequest): number | undefined {
  const partNumber = queryCount(request, 'partNumber', { least: 1, most: maxPartNumber })
  if (partNumber !== undefined && header(request, 'range') !== undefined) {
    throw new S3Error('InvalidRequest', { message: 'Cannot specify both Range header and partNumber query parameter.' })
  }
  return partNumber
}

/** The range of a part; that of an empty part ends before it starts. Throws InvalidPartNumber. */
export function rangeOfPart(partNumber: number, object: StoredObject): ByteRange {
  const { size, description } = object
  // An object without recorded parts is its only part.
  const count = description.parts.length || 1
  if (partNumber > count) {
    throw new S3Error('InvalidPartNumber', {
      fields: { PartNumberRequested: String(partNumber), ActualPartCount: String(count) },
    })
  }
  const sizes = description.parts.length === 0 ? [size] : description.parts.map((part) => part.size)
  const start = sizes.slice(0, partNumber - 1).reduce((sum, each) => sum + each, 0)
  return { start, end: start + (sizes[partNumber - 1] ?? 0) - 1 }
}

/** Parses the number of a part to upload; throws InvalidArgument unless it is an integer from 1 to 10,000. */
export function parseUploadPartNumber(text: string | undefined): number {
  const partNumber = Number(text)
  if (/^\d{1,5}$/.test(text ?? '') && partNumber >= 1 && partNumber <= maxPartNumber) return partNumber
  throw invalidArgument('partNumber', {
    value: text ?? '',
    message: 'Part number must be an integer between 1 and 10000, inclusive',
  })
}
