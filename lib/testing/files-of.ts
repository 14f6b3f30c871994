import { buffer } from 'node:stream/consumers'
import type { CallOptions, PfsClient } from '../pfs/client.js'
import { commitOf, createBucketNames } from '../resolver/bucket-name.js'

/** Options of `filesOf`. */
export interface FilesOfOptions extends CallOptions {
  /** Returns contents as text, decoded as UTF-8, or as bytes. @default 'text' */
  readonly as?: 'text' | 'bytes'
}

const { parse } = createBucketNames({ bucketAliases: {}, bucketSeparator: '.' })

/**
 * Reads all files in a bucket, by path without the leading slash: for assertions about the result of a test. The bucket is
 * `branch.repo`, `branch.repo.project` or `commit.branch.repo`, as for S3; the files are read from PFS directly.
 *
 * @throws PfsError NOT_FOUND if the branch is missing
 * @example
 * ```ts
 * assert.deepEqual(await filesOf(pfs, 'master.images'), { 'a.txt': 'hello', 'dir/b.txt': '' })
 * const { 'c.png': png } = await filesOf(pfs, 'master.images', { as: 'bytes' })
 * ```
 */
export function filesOf(
  pfs: PfsClient,
  bucket: string,
  options?: FilesOfOptions & { readonly as?: 'text' },
): Promise<Record<string, string>>
export function filesOf(
  pfs: PfsClient,
  bucket: string,
  options: FilesOfOptions & { readonly as: 'bytes' },
): Promise<Record<string, Uint8Array>>
export async function filesOf(
  pfs: PfsClient,
  bucket: string,
  { as = 'text', ...options }: FilesOfOptions = {},
): Promise<Record<string, string | Uint8Array>> {
  const commit = commitOf(parse(bucket))
  const files: [path: string, content: string | Uint8Array][] = []
  for await (const { file, fileType } of pfs.walkFile({ file: { commit, path: '/' } }, options)) {
    if (fileType === 'DIR') continue
    const bytes = await buffer(pfs.getFile({ file }, options))
    files.push([file.path.slice(1), as === 'bytes' ? new Uint8Array(bytes) : bytes.toString()])
  }
  // A file may have the name of a member of Object.
  return Object.fromEntries(files)
}
