import type { Branch, Commit } from './client.js'

/** The head of a branch, as a commit is named. */
export function headOf({ repo, name }: Branch): Commit {
  return { repo, branch: name }
}
