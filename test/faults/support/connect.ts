import { type FileOperation, type PfsClient, PfsError } from '../../../lib/index.js'
import { branch } from './branch.js'

/** An upload from a client; a list of operations would take another connection. */
async function* nothing(): AsyncGenerator<FileOperation> {}

/** Opens the connections of a client, which happens at the first call on each, so that later counts exclude it. */
export async function connect(client: PfsClient): Promise<void> {
  const file = { commit: { repo: branch.repo, branch: branch.name }, path: '/none' }
  try {
    await client.inspectBranch(branch)
    await client.createFileSet(nothing())
    for await (const _ of client.getFile({ file }));
  } catch (error) {
    if (!(error instanceof PfsError)) throw error
  }
}
