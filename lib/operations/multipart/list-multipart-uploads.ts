import { checksumElements } from '../../checksums.js'
import { invalidArgument } from '../../errors.js'
import { type HttpRequest, queryValue } from '../../http/request.js'
import type { S3Response } from '../../http/response.js'
import { xmlResponse } from '../../http/response.js'
import { type XmlContent, xmlDocument } from '../../http/xml.js'
import { lastName } from '../../resolver/key-order.js'
import {
  type ListedUpload,
  listUploads,
  type UploadPage,
  type UploadQuery,
} from '../../resolver/uploads/list-uploads.js'
import { readUploadId, type UploadId } from '../../resolver/uploads/staging.js'
import { owner } from '../access-control.js'
import { type BucketCall, requireListable } from '../call.js'
import {
  createKeyWriter,
  type KeyWriter,
  parseEncodingType,
  parsePageSize,
  parsePrefix,
} from '../listing-parameters.js'

/**
 * ListMultipartUploads: uploads that are neither completed nor aborted.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
 */
export async function listMultipartUploads(call: BucketCall): Promise<S3Response> {
  const { request, bucket } = call
  const query: UploadQuery = {
    prefix: parsePrefix(request),
    delimiter: queryValue(request, 'delimiter') ?? '',
    keyMarker: queryValue(request, 'key-marker') ?? '',
    uploadIdMarker: parseUploadIdMarker(request),
    limit: parsePageSize(request, 'max-uploads'),
  }
  const writer = createKeyWriter(parseEncodingType(request))
  const { entries, isTruncated } = await readPage(call, query)
  const last = isTruncated ? entries.at(-1) : undefined
  const next = isTruncated ? lastName(entries) : undefined
  return xmlResponse(
    xmlDocument('ListMultipartUploadsResult', {
      Bucket: bucket.name,
      KeyMarker: writer.write(query.keyMarker),
      UploadIdMarker: query.uploadIdMarker?.text ?? '',
      NextKeyMarker: next === undefined ? undefined : writer.write(next),
      NextUploadIdMarker: last?.kind === 'upload' ? last.id.text : undefined,
      Prefix: writer.write(query.prefix),
      Delimiter: query.delimiter === '' ? undefined : writer.write(query.delimiter),
      EncodingType: writer.encodingType,
      MaxUploads: query.limit,
      IsTruncated: isTruncated,
      Upload: entries.flatMap((entry) => uploadElement(entry, writer)),
      CommonPrefixes: entries.flatMap((entry) =>
        entry.kind === 'prefix' ? { Prefix: writer.write(entry.prefix) } : [],
      ),
    }),
  )
}

async function readPage(call: BucketCall, query: UploadQuery): Promise<UploadPage> {
  await requireListable(call)
  if (query.limit === 0) return { entries: [], isTruncated: false }
  return listUploads(call.gateway.pfs, call.bucket, query, call.options)
}

/** S3 ignores this marker without a key marker. */
function parseUploadIdMarker(request: HttpRequest): UploadId | undefined {
  const text = queryValue(request, 'upload-id-marker') ?? ''
  if (text === '' || (queryValue(request, 'key-marker') ?? '') === '') return undefined
  const id = readUploadId(text)
  if (id !== undefined) return id
  throw invalidArgument('upload-id-marker', { value: text, message: 'Invalid uploadId marker' })
}

function uploadElement(entry: ListedUpload, writer: KeyWriter): XmlContent[] {
  if (entry.kind === 'prefix') return []
  const { key, id } = entry
  return [
    {
      Key: writer.write(key),
      UploadId: id.text,
      Initiator: owner,
      Owner: owner,
      StorageClass: 'STANDARD',
      Initiated: id.initiated.toISOString(),
      ...checksumElements(id.checksum),
    },
  ]
}
