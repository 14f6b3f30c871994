import { checksumElement } from '../../checksums/checksums.js'
import { eachAtMost } from '../../concurrency.js'
import { queryValue } from '../../http/request.js'
import { xmlResponse } from '../../http/response.js'
import { type XmlContent, xmlDocument } from '../../http/xml-writer.js'
import { etagFrom } from '../../resolver/etag.js'
import { listUploadParts, type Part, readPartChecksum, type Upload } from '../../resolver/uploads/upload.js'
import type { ObjectCall, Operation } from '../call.js'
import { owner } from '../owner.js'
import { parseCount, parsePageSize } from '../parameters.js'
import { resolveNamedUpload } from './named-upload.js'
import { checksumElements } from './upload-checksum.js'

/** Calls to PFS under way at once. */
const maxCalls = 32

/** ListParts. */
export const listParts: Operation<ObjectCall> = async (call) => {
  const { gateway, request, bucket, key, options } = call
  const marker = parseCount(request, 'part-number-marker', { least: 0, most: 2_147_483_647 }) ?? 0
  const maxParts = parsePageSize(request, 'max-parts')
  const upload = await resolveNamedUpload(call)
  const parts: Part[] = []
  if (maxParts > 0) {
    for await (const part of listUploadParts(gateway.pfs, upload, { after: marker, number: maxParts + 1 }, options)) {
      parts.push(part)
    }
  }
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
      Part: await eachAtMost(maxCalls, page, (part) => partElement(call, upload, part)),
    }),
  )
}

async function partElement({ gateway, options }: ObjectCall, upload: Upload, part: Part): Promise<XmlContent> {
  const { partNumber, info } = part
  const kept = upload.id.checksum
  return {
    PartNumber: partNumber,
    LastModified: (info.committed ?? new Date(0)).toISOString(),
    ETag: etagFrom(info.hash),
    Size: info.sizeBytes,
    ...(kept && {
      [checksumElement(kept.algorithm)]: await readPartChecksum(gateway.pfs, upload, partNumber, options),
    }),
  }
}
