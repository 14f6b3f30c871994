import { queryCount, queryValue } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml.js'
import type { RepoInfo } from '../pfs/client.js'
import type { BucketNames } from '../resolver/bucket-name.js'
import { compareBytes } from '../resolver/key-order.js'
import { owner } from './access-control.js'
import type { Call } from './call.js'
import { readToken, tokenFrom } from './listing-parameters.js'

interface ListedBucket {
  readonly name: string
  readonly created: Date | undefined
}

const maxBucketsAtOnce = 10_000

/**
 * ListBuckets: every branch of every user repo that the caller may read.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
 */
export async function listBuckets({ gateway, request, options }: Call): Promise<S3Response> {
  const prefix = queryValue(request, 'prefix') ?? ''
  // botocore's paginator sends an empty token on the first page.
  const token = queryValue(request, 'continuation-token') ?? ''
  const after = token === '' ? '' : readToken(token)
  const region = queryValue(request, 'bucket-region') ?? gateway.region
  const maxBuckets = queryCount(request, 'max-buckets', { least: 1, most: maxBucketsAtOnce }) ?? maxBucketsAtOnce
  const buckets: ListedBucket[] = []
  for await (const info of gateway.pfs.listRepo({ type: 'user' }, options)) {
    if (mayRead(info) && region === gateway.region) buckets.push(...bucketsOf(info, gateway.bucketNames))
  }
  const left = buckets
    .filter(({ name }) => name.startsWith(prefix) && compareBytes(name, after) > 0)
    .sort((a, b) => compareBytes(a.name, b.name))
  const page = left.slice(0, maxBuckets)
  const last = page[page.length - 1]
  return xmlResponse(
    xmlDocument('ListAllMyBucketsResult', {
      Owner: owner,
      Buckets: {
        Bucket: page.map(({ name, created }) => ({
          Name: name,
          CreationDate: (created ?? new Date(0)).toISOString(),
          BucketRegion: gateway.region,
        })),
      },
      ContinuationToken: left.length > page.length && last ? tokenFrom(last.name) : undefined,
      Prefix: prefix === '' ? undefined : prefix,
    }),
  )
}

/** PFS also lists repos that the caller may not read, without permissions. */
function mayRead({ authInfo }: RepoInfo): boolean {
  return authInfo === undefined || authInfo.permissions.includes('REPO_READ')
}

function bucketsOf(info: RepoInfo, bucketNames: BucketNames): ListedBucket[] {
  const names = info.branches.flatMap((branch) => bucketNames.namesOf(branch))
  return names.map((name) => ({ name, created: info.created }))
}
