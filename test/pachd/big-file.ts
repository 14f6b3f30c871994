import type { CallOptions, File, PfsClient } from '../../lib/pfs/client.js'
import { maxRawBytes } from '../../lib/pfs/client.js'
import type { Message, Step } from './recording.js'
import type { RunProjects } from './run-projects.js'

const bytes = 12_000_000

/** The file of the recording `big`, of whose calls only the sizes were kept. */
export function bigFileIn(projects: RunProjects): File {
  const repo = { project: projects.nameOf('default'), name: 'big', type: 'user' } as const
  return { commit: { repo, branch: 'master' }, path: '/big' }
}

/** Writes the file, which the recording leaves out. */
export function writeBigFile(client: PfsClient, { commit, path }: File, options: CallOptions): Promise<void> {
  return client.modifyFile(commit, operations(path), options)
}

/** Makes a recorded call of which only sizes were kept; returns the size of the response. */
export async function readBigFile(
  client: PfsClient,
  file: File,
  { offset = 0 }: Step,
  options: CallOptions,
): Promise<Message> {
  let size = 0
  for await (const chunk of client.getFile({ file, offset }, options)) size += chunk.length
  return { size }
}

function* operations(path: string) {
  for (let start = 0; start < bytes; start += maxRawBytes) {
    const raw = Buffer.alloc(Math.min(maxRawBytes, bytes - start), start / maxRawBytes)
    yield { addFile: { path, raw } }
  }
}
