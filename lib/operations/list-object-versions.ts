import { checksumElements } from '../checksums.js'
import { invalidArgument } from '../errors.js'
import { queryValue } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { xmlResponse } from '../http/response.js'
import { type XmlContent, xmlDocument } from '../http/xml.js'
import { commitOf } from '../resolver/bucket-name.js'
import { lastName } from '../resolver/key-order.js'
import { listMarkers } from '../resolver/listing/list-markers.js'
import { type ListedVersion, type ListedVersions, listVersions } from '../resolver/versions/list-versions.js'
import { owner } from './access-control.js'
import { type BucketCall, requireListable } from './call.js'
import { createKeyWriter, type KeyWriter, parseEncodingType, parsePageSize, parsePrefix } from './listing-parameters.js'

/**
 * ListObjectVersions: every version of every key, including delete markers, from the history of the branch.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
 */
export async function listObjectVersions(call: BucketCall): Promise<S3Response> {
  const { request, bucket } = call
  const prefix = parsePrefix(request)
  const delimiter = queryValue(request, 'delimiter') ?? ''
  const keyMarker = queryValue(request, 'key-marker') ?? ''
  const versionIdMarker = queryValue(request, 'version-id-marker') ?? ''
  const limit = parsePageSize(request, 'max-keys')
  const writer = createKeyWriter(parseEncodingType(request))
  if (versionIdMarker !== '' && keyMarker === '') {
    throw invalidArgument('version-id-marker', {
      value: versionIdMarker,
      message: 'A version-id marker cannot be specified without a key marker.',
    })
  }
  const { entries, isTruncated } = await readPage(call, { prefix, delimiter, keyMarker, limit }, versionIdMarker)
  const last = isTruncated ? entries.at(-1) : undefined
  const next = isTruncated ? lastName(entries) : undefined
  const head: XmlContent = {
    Name: bucket.name,
    Prefix: writer.write(prefix),
    KeyMarker: writer.write(keyMarker),
    VersionIdMarker: versionIdMarker,
    NextKeyMarker: next === undefined ? undefined : writer.write(next),
    NextVersionIdMarker: last?.kind === 'version' ? last.versionId : undefined,
    MaxKeys: limit,
    Delimiter: delimiter === '' ? undefined : writer.write(delimiter),
    EncodingType: writer.encodingType,
    IsTruncated: isTruncated,
  }
  const versions = entries.filter(({ kind }) => kind === 'version')
  const prefixes = entries.filter(({ kind }) => kind === 'prefix')
  const elements = [...versions, ...prefixes].map((entry) => elementOf(entry, writer))
  return xmlResponse(xmlDocument('ListVersionsResult', [head, ...elements]))
}

/** Checks that the caller may list the bucket before it uses cached parts of the history. */
async function readPage(
  call: BucketCall,
  query: { prefix: string; delimiter: string; keyMarker: string; limit: number },
  versionIdMarker: string,
): Promise<ListedVersions> {
  const { gateway, bucket, request, options } = call
  await requireListable(call)
  if (query.limit === 0) return { entries: [], isTruncated: false }
  gateway.records.refreshKnown(bucket.branch.repo)
  const markers = await readMarkers(call, query)
  const source = {
    ...gateway,
    commit: commitOf(bucket),
    branch: bucket.branch,
    markers,
    memory: request.memory,
    options,
  }
  return listVersions(source, query, versionIdMarker === '' ? undefined : versionIdMarker)
}

/** The keys of the page that have versions as directory markers. */
async function readMarkers(
  { gateway, bucket, options }: BucketCall,
  { keyMarker: after, ...grouping }: { prefix: string; delimiter: string; keyMarker: string; limit: number },
): Promise<{ paths: string[]; prefixes: string[] }> {
  const source = { ...gateway, branch: bucket.branch, options }
  const { entries } = await listMarkers(source, 'versioned', { ...grouping, after, limit: grouping.limit + 1 })
  // The page may start with older versions of the key before it.
  const first = after.endsWith('/') && after.startsWith(grouping.prefix) ? [gateway.keys.pathFromKey(after)] : []
  const paths = entries.flatMap((entry) => (entry.kind === 'prefix' ? [] : [entry.info.file.path]))
  const prefixes = entries.flatMap((entry) => (entry.kind === 'prefix' ? [entry.prefix] : []))
  return { paths: [...first, ...paths], prefixes }
}

/** S3 lists versions and delete markers in one order. */
function elementOf(entry: ListedVersion, writer: KeyWriter): XmlContent {
  if (entry.kind === 'prefix') return { CommonPrefixes: { Prefix: writer.write(entry.prefix) } }
  const { object } = entry
  const common = {
    Key: writer.write(entry.key),
    VersionId: entry.versionId,
    IsLatest: entry.isLatest,
    LastModified: entry.lastModified.toISOString(),
  }
  if (object === undefined) return { DeleteMarker: { ...common, Owner: owner } }
  const { etag, size, checksum } = object
  const content = { ETag: etag, ...checksumElements(checksum), Size: size, StorageClass: 'STANDARD' }
  return { Version: { ...common, ...content, Owner: owner } }
}
