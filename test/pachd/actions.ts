import { routes } from '../../lib/routes.js'
import type { Unsigned } from '../support/sign.js'

/** The permission of PFS that an action needs on the bucket's repo; undefined for one about no repo. */
export type Needed = 'REPO_LIST_FILE' | 'REPO_INSPECT_FILE' | 'REPO_WRITE' | 'REPO_CREATE_BRANCH' | undefined

/** An S3 action as the table of routes names it. */
export interface Action {
  /** Such as `bucket location GET`. */
  readonly name: string
  readonly needs: Needed
  /** Whether the action cannot be done to a bucket at a commit, by anybody. */
  readonly isWrite: boolean
  /** Whether it uses up the upload that it names. */
  readonly endsUpload: boolean
  readonly request: (bucket: string, upload: Upload) => Unsigned
}

/** An upload of one part to the key of every object action. */
export interface Upload {
  readonly id: string
  readonly etag: string
}

/** The object that is in each bucket. */
export const key = 'kept'

/** The prerequisites of each action by name; bucket configurations share theirs, and so do object configurations. */
const needs: Readonly<Record<string, Needed>> = {
  'service GET': undefined,
  'bucket PUT': 'REPO_CREATE_BRANCH',
  'bucket DELETE': 'REPO_LIST_FILE',
  'bucket delete POST': 'REPO_WRITE',
  'object PUT': 'REPO_WRITE',
  'object DELETE': 'REPO_WRITE',
  'object x-amz-copy-source PUT': 'REPO_WRITE',
  'object uploads POST': 'REPO_WRITE',
  'object partNumber+uploadId PUT': 'REPO_WRITE',
  'object partNumber+uploadId+x-amz-copy-source PUT': 'REPO_WRITE',
  'object uploadId POST': 'REPO_WRITE',
  'object uploadId DELETE': 'REPO_WRITE',
  'object tagging PUT': 'REPO_WRITE',
  'object tagging DELETE': 'REPO_WRITE',
}

/** The body and headers of each action by name; other actions have none. */
const parts: Readonly<Record<string, (upload: Upload) => Pick<Unsigned, 'body' | 'headers'>>> = {
  'bucket acl PUT': () => ({ headers: { 'x-amz-acl': 'private' } }),
  'bucket versioning PUT': () => ({
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  }),
  'bucket ownershipControls PUT': () => ({
    body: '<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>',
  }),
  'bucket delete POST': () => ({ body: '<Delete><Object><Key>missing</Key></Object></Delete>' }),
  'object PUT': () => ({ body: key }),
  'object acl PUT': () => ({ headers: { 'x-amz-acl': 'private' } }),
  'object tagging PUT': () => ({
    body: '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
  }),
  'object attributes GET': () => ({ headers: { 'x-amz-object-attributes': 'ETag' } }),
  'object partNumber+uploadId PUT': () => ({ body: 'part' }),
  'object uploadId POST': ({ etag }) => ({
    body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`,
  }),
}

/** Every action of the table of routes. */
export const actions: readonly Action[] = Object.entries(routes).flatMap(([resource, table]) =>
  Object.keys(table).map((route) => actionOf(resource as keyof typeof routes, route)),
)

function actionOf(resource: keyof typeof routes, route: string): Action {
  const name = `${resource} ${route}`
  const words = route.split(' ')
  const method = words.at(-1) ?? ''
  const subresources = words.length > 1 ? (words[0] ?? '').split('+') : []
  return {
    name,
    needs: name in needs ? needs[name] : resource === 'bucket' ? 'REPO_LIST_FILE' : 'REPO_INSPECT_FILE',
    isWrite: name !== 'service GET' && method !== 'GET' && method !== 'HEAD' && !isLock(name),
    endsUpload: name === 'object uploadId POST' || name === 'object uploadId DELETE',
    request(bucket, upload) {
      const { headers, ...rest } = parts[name]?.(upload) ?? {}
      const isCopy = subresources.includes('x-amz-copy-source')
      return {
        method,
        target: pathOf(resource, bucket, name) + queryOf(subresources, upload),
        headers: { ...headers, ...(isCopy && { 'x-amz-copy-source': `/${bucket}/${key}` }) },
        ...rest,
      }
    },
  }
}

/** Object Lock is refused to everybody alike, once the object has been found. */
function isLock(name: string): boolean {
  return name === 'object legal-hold PUT' || name === 'object retention PUT'
}

/** A key that a removal may take away, and a copy's target, are others than the one that is read. */
function pathOf(resource: keyof typeof routes, bucket: string, name: string): string {
  if (resource === 'service') return '/'
  if (resource === 'bucket') return `/${bucket}`
  const isApart = name === 'object DELETE' || name === 'object x-amz-copy-source PUT'
  return `/${bucket}/${isApart ? 'apart' : key}`
}

function queryOf(subresources: readonly string[], { id }: Upload): string {
  const values: Readonly<Record<string, string>> = { partNumber: '1', uploadId: id, 'list-type': '2' }
  const names = subresources.filter((name) => name !== 'x-amz-copy-source')
  const pairs = names.map((name) => `${name}=${encodeURIComponent(values[name] ?? '')}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
