import { checksumElement, checksumElements } from '../../checksums.js'
import { queryCount, queryValue } from '../../http/request.js'
import type { S3Response } from '../../http/response.js'
import { xmlResponse } from '../../http/response.js'
import { type XmlContent, xmlDocument } from '../../http/xml.js'
import { listUploadParts, type Part } from '../../resolver/uploads/parts.js'
import type { UploadChecksum } from '../../resolver/uploads/staging.js'
import { owner } from '../access-control.js'
import type { ObjectCall } from '../call.js'
import { parsePageSize } from '../listing-parameters.js'
import { resolveNamedUpload } from './multipart-upload.js'

/**
 * ListParts.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
 */
export async function listParts(call: ObjectCall): Promise<S3Response> {
  const { gateway, request, bucket, key, options } = call
  const marker = queryCount(request, 'part-number-marker', { least: 0, most: 2_147_483_647 }) ?? 0
  const maxParts = parsePageSize(request, 'max-parts')
  const upload = await resolveNamedUpload(call)
  const asked = { after: marker, number: maxParts + 1 }
  const parts = maxParts === 0 ? [] : await listUploadParts(gateway.pfs, upload, asked, options)
  const page = parts.slice(0, maxParts)
  const isTruncated = parts.length > page.length
  return xmlResponse(
    xmlDocument('ListPartsResult', {
      Bucket: bucket.name,
      Key: key,
      UploadId: queryValue(request, 'uploadId'),
      Initiator: owner,
      Owner: owner,
      StorageClass: 'STANDARD',
      PartNumberMarker: marker,
      NextPartNumberMarker: page.at(-1)?.partNumber ?? 0,
      MaxParts: maxParts,
      IsTruncated: isTruncated,
      ...checksumElements(upload.id.checksum),
      Part: page.map((part) => partElement(part, upload.id.checksum)),
    }),
  )
}

function partElement({ partNumber, info, etag, checksum }: Part, kept: UploadChecksum | undefined): XmlContent {
  return {
    PartNumber: partNumber,
    LastModified: (info.committed ?? new Date(0)).toISOString(),
    ETag: etag,
    Size: info.sizeBytes,
    ...(kept && { [checksumElement(kept.algorithm)]: checksum?.toString('base64') }),
  }
}
