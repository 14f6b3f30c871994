import { createHash } from 'node:crypto'
import type { Branch, PfsClient } from '../../../lib/index.js'

export const branch: Branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' }
export const bucket = 'master.data'
const head = { repo: branch.repo, branch: branch.name }

/** For `createMemoryPfs`: the bucket, empty. */
export const repos = { data: { master: {} } }

/** The SHA-256 of each file of the branch, by key. */
export async function holds(pfs: PfsClient): Promise<ReadonlyMap<string, string>> {
  const held = new Map<string, string>()
  for await (const { file, fileType } of pfs.globFile({ commit: head, pattern: '**' })) {
    if (fileType === 'FILE') held.set(file.path.slice(1), await sumOf(pfs, file.path))
  }
  return held
}

/** The ids of the branch's commits, newest first; throws if one is open. */
export async function commits(pfs: PfsClient): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const { commit, finishing } of pfs.listCommit({ repo: branch.repo, to: head })) {
    if (finishing === undefined) throw new Error(`commit ${commit.id} is open`)
    ids.push(commit.id ?? '')
  }
  return ids
}

/** The SHA-256 of content. */
export function sum(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

async function sumOf(pfs: PfsClient, path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of pfs.getFile({ file: { commit: head, path } })) hash.update(chunk)
  return hash.digest('hex')
}
