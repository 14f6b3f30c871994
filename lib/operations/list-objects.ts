import { checksumElements } from '../checksums.js'
import { yieldTurn } from '../concurrency.js'
import { queryValue } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { xmlResponse } from '../http/response.js'
import { type XmlContent, xmlDocument } from '../http/xml.js'
import { currentMarker } from '../records/markers.js'
import { commitOf } from '../resolver/bucket-name.js'
import type { CommitTimes } from '../resolver/commit-times.js'
import { lastName } from '../resolver/key-order.js'
import { type ListPage, type ListQuery, listKeys } from '../resolver/listing/list-keys.js'
import { isMarkerEntry, listMarkers, mergePages } from '../resolver/listing/list-markers.js'
import { storedObject } from '../resolver/object.js'
import { owner } from './access-control.js'
import { type BucketCall, requireListable } from './call.js'
import {
  createKeyWriter,
  type KeyWriter,
  parseEncodingType,
  parsePageSize,
  parsePrefix,
  readToken,
  tokenFrom,
} from './listing-parameters.js'

/**
 * ListObjects: version 1, whose pages continue after a key.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
 */
export async function listObjects(call: BucketCall): Promise<S3Response> {
  const marker = queryValue(call.request, 'marker') ?? ''
  const { query, page, writer } = await readPage(call, marker)
  // S3 writes NextMarker only with a delimiter: otherwise the last key of the page is the marker.
  const next = page.isTruncated && query.delimiter !== '' ? lastName(page.entries) : undefined
  return xmlResponse(
    xmlDocument('ListBucketResult', {
      Name: call.bucket.name,
      Prefix: writer.write(query.prefix),
      Marker: writer.write(marker),
      NextMarker: next === undefined ? undefined : writer.write(next),
      ...shared(query, page, writer),
      ...(await entries(call, page, writer, true)),
    }),
    { 'x-amz-bucket-region': call.gateway.region },
  )
}

/**
 * ListObjectsV2: version 2, whose pages continue with a token.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export async function listObjectsV2(call: BucketCall): Promise<S3Response> {
  const { request } = call
  const token = queryValue(request, 'continuation-token')
  const startAfter = queryValue(request, 'start-after')
  const { query, page, writer } = await readPage(call, token === undefined ? (startAfter ?? '') : readToken(token))
  const next = page.isTruncated ? lastName(page.entries) : undefined
  const fetchOwner = queryValue(request, 'fetch-owner') === 'true'
  return xmlResponse(
    xmlDocument('ListBucketResult', {
      Name: call.bucket.name,
      Prefix: writer.write(query.prefix),
      StartAfter: startAfter === undefined ? undefined : writer.write(startAfter),
      ContinuationToken: token,
      NextContinuationToken: next === undefined ? undefined : tokenFrom(next),
      KeyCount: page.entries.length,
      ...shared(query, page, writer),
      ...(await entries(call, page, writer, fetchOwner)),
    }),
    { 'x-amz-bucket-region': call.gateway.region },
  )
}

interface Page {
  readonly query: ListQuery
  readonly page: ListPage
  readonly writer: KeyWriter
}

async function readPage(call: BucketCall, after: string): Promise<Page> {
  const { request } = call
  const query: ListQuery = {
    prefix: parsePrefix(request),
    delimiter: queryValue(request, 'delimiter') ?? '',
    after,
    limit: parsePageSize(request, 'max-keys'),
  }
  const writer = createKeyWriter(parseEncodingType(request))
  if (query.limit > 0) return { query, page: await readKeys(call, query), writer }
  await requireListable(call)
  return { query, page: { entries: [], isTruncated: false }, writer }
}

/** A page of files and of directory markers; a bucket at one commit shows only files. */
async function readKeys({ gateway, bucket, options }: BucketCall, query: ListQuery): Promise<ListPage> {
  const { branch } = bucket
  const { records } = gateway
  const readMarkers = async () =>
    bucket.at === undefined ? listMarkers({ ...gateway, branch, options }, 'visible', query) : undefined
  const epoch = records.epochOf(branch.repo)
  const { prefix, after, limit } = query
  const startOf = (text: string): string => gateway.keys.startFromPrefix(text)
  const expected = { prefix: startOf(prefix), start: startOf(after.startsWith(prefix) ? after : prefix), limit }
  const [files, markers] = await Promise.allSettled([
    listKeys({ ...gateway, commit: commitOf(bucket), options }, query),
    readMarkers(),
    // If it fails, so does the read of the records, which reports it.
    records.expectPage(branch.repo, expected, options),
  ])
  // A missing bucket comes before records that cannot be read.
  if (files.status === 'rejected') throw files.reason
  if (markers.status === 'rejected') throw markers.reason
  // Between common prefixes there are files that the page does not have.
  const infos = files.value.entries.flatMap((entry) => (entry.kind === 'object' ? [entry.info] : []))
  if (infos.length === files.value.entries.length) gateway.smallFiles.addListed(infos, query, options.authToken)
  // The records must be as new as the files, and the markers as new as the request.
  const hasMissed = await records.hasMissed(branch.repo, infos[0]?.file.commit.id, epoch, options)
  const current = hasMissed ? await readMarkers() : markers.value
  return current === undefined ? files.value : mergePages(files.value, current, query.limit)
}

function shared(query: ListQuery, page: ListPage, writer: KeyWriter): Record<string, XmlContent> {
  return {
    MaxKeys: query.limit,
    Delimiter: query.delimiter === '' ? undefined : writer.write(query.delimiter),
    EncodingType: writer.encodingType,
    IsTruncated: page.isTruncated,
  }
}

async function entries(
  call: BucketCall,
  page: ListPage,
  writer: KeyWriter,
  withOwner: boolean,
): Promise<Record<string, XmlContent[]>> {
  const { gateway, bucket, options } = call
  const contents: XmlContent[] = []
  const prefixes: XmlContent[] = []
  const paths = page.entries.flatMap((entry) => (entry.kind === 'prefix' ? [] : [entry.info.file.path]))
  const records = await gateway.records.readPage(bucket.branch.repo, paths, options)
  // All entries are from the same commit. If it is open, its files have no time yet.
  const times = new Map<string | undefined, Promise<Date>>()
  const commitTimes: CommitTimes = {
    of: (commit, call) => {
      const time = times.get(commit.id) ?? gateway.commitTimes.of(commit, call)
      times.set(commit.id, time)
      return time
    },
  }
  for (const entry of page.entries) {
    await yieldTurn()
    if (entry.kind === 'prefix') {
      prefixes.push({ Prefix: writer.write(entry.prefix) })
      continue
    }
    const known = records.get(entry.info.file.path) ?? new Map()
    // A marker that was removed while the page was made.
    if (isMarkerEntry(entry.info) && currentMarker(known, bucket.branch.name) === undefined) continue
    const { etag, lastModified, size, description } = await storedObject(
      { commitTimes, forks: gateway.forks },
      bucket,
      entry.info,
      known,
      options,
    )
    contents.push({
      Key: writer.write(entry.key),
      LastModified: lastModified.toISOString(),
      ETag: etag,
      ...checksumElements(description.checksum),
      Size: size,
      Owner: withOwner ? owner : undefined,
      StorageClass: 'STANDARD',
    })
  }
  return { Contents: contents, CommonPrefixes: prefixes }
}
