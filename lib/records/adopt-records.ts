import { createHash, type Hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { Change } from '../commits/change.js'
import type { CallOptions, Commit, File, FileInfo, PfsClient, Repo } from '../pfs/client.js'
import { headOf } from '../pfs/client.js'
import { unlessMissing } from '../pfs/errors.js'
import { readFile } from '../pfs/path.js'
import { maxRecordBytes } from './read-records.js'
import type { Description } from './record.js'
import { parseRecord, UnreadableRecord } from './record-format.js'
import { contentIdOf, pendingSince, readRecordPath, recordPath, recordsBranch } from './record-path.js'

/**
 * The changes that settle pending records from before `before`: gateways leave them if they crash between the commit of a
 * large object and that of its record. A record is assigned to the content at the head of a branch that has its ETag, which
 * is computed from the content. It is deleted if there is no such content, or if the content already has a record.
 */
export async function settlePending(
  pfs: PfsClient,
  repo: Repo,
  before: Date,
  options: CallOptions,
): Promise<readonly Change[]> {
  const userRepo = { ...repo, type: 'user' as const }
  const commit = headOf(recordsBranch(userRepo))
  const pending: FileInfo[] = []
  for await (const info of pfs.globFile({ commit, pattern: '/objects/**/pending-*' }, options)) {
    const since = pendingSince(readRecordPath(info.file.path)?.content ?? '')
    if (since !== undefined && since < before) pending.push(info)
  }
  const changes: Change[] = []
  for (const { file, sizeBytes } of pending) {
    changes.push({ path: file.path, isUnchecked: true })
    const path = readRecordPath(file.path)?.path ?? ''
    const record = sizeBytes > maxRecordBytes ? undefined : await readRecord(pfs, file, options)
    const hash = record && (await findContent(pfs, userRepo, path, record, options))
    if (hash === undefined) continue
    const adopted = recordPath(path, hash)
    const known = await unlessMissing(pfs.inspectFile({ commit: file.commit, path: adopted }, options), 'file')
    if (known === undefined) changes.push({ path: adopted, content: { copyOf: file }, isUnchecked: true })
  }
  return changes
}

async function readRecord(pfs: PfsClient, file: File, options: CallOptions): Promise<Description | undefined> {
  const bytes = await buffer(pfs.getFile({ file }, options))
  try {
    return (await parseRecord(bytes)).latest
  } catch (error) {
    if (error instanceof UnreadableRecord) return undefined
    throw error
  }
}

/** PFS's hash in hex of the content that has the ETag of a record, at the head of some branch. */
async function findContent(
  pfs: PfsClient,
  repo: Repo,
  path: string,
  record: Description,
  options: CallOptions,
): Promise<string | undefined> {
  if (record.etag === undefined) return undefined
  for await (const { branch } of pfs.listBranch({ repo }, options)) {
    const commit: Commit = headOf(branch)
    const info = await unlessMissing(pfs.inspectFile({ commit, path }, options))
    if (info?.fileType === 'FILE' && (await computeEtag(pfs, info, record, options)) === record.etag) {
      return contentIdOf(info.hash)
    }
  }
  return undefined
}

/** S3's ETag of a content, without quotes; undefined if the parts of the record do not add up to its size. */
export async function computeEtag(
  pfs: PfsClient,
  { file, sizeBytes }: FileInfo,
  { parts }: Description,
  options: CallOptions,
): Promise<string | undefined> {
  const sizes = parts.length === 0 ? [sizeBytes] : parts.map(({ size }) => size)
  if (sizes.reduce((sum, size) => sum + size, 0) !== sizeBytes) return undefined
  const digests: Buffer[] = []
  let hash: Hash = createHash('md5')
  let left = sizes[0] ?? 0
  const endParts = (): void => {
    while (left === 0 && digests.length < sizes.length) {
      digests.push(hash.digest())
      hash = createHash('md5')
      left = sizes[digests.length] ?? 0
    }
  }
  for await (const piece of readFile(pfs, file, {}, options)) {
    for (let start = 0; start < piece.length; ) {
      const end = Math.min(piece.length, start + left)
      hash.update(piece.subarray(start, end))
      left -= end - start
      start = end
      endParts()
    }
  }
  endParts()
  if (parts.length === 0) return digests[0]?.toString('hex')
  return `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`
}
