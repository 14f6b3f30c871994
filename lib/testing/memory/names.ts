import { randomBytes, randomUUID } from 'node:crypto'
import type { Branch, Repo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'

/** Throws pachd's error for an invalid name of a project, repo or branch. */
export function validateName(name: string): void {
  if (/^[A-Za-z0-9_-]+$/.test(name)) return
  throw new PfsError(
    'UNKNOWN',
    `name (${name}) invalid: only alphanumeric characters, underscores, and dashes are allowed`,
  )
}

/** A repo in pachd's notation: `project/name`, followed by `.type` for a system repo. */
export function repoName(repo: Repo): string {
  return `${repo.project}/${repo.name}${repo.type === 'user' ? '' : `.${repo.type}`}`
}

/** A branch in pachd's notation: `project/name@branch`. */
export function branchName({ repo, name }: Branch): string {
  return `${repoName(repo)}@${name}`
}

/** A commit id: the 32 hex digits of a UUID of version 4, which distinguishes it from a branch name. */
export function createCommitId(): string {
  return randomUUID().replaceAll('-', '')
}

/** Whether pachd reads a text as a commit id; otherwise it is a branch name. */
export function isCommitId(text: string): boolean {
  return /^[0-9a-f]{12}4[0-9a-f]{19}$/.test(text)
}

/** A file set id in the format of pachd 2.12: 32 hex digits, a dot, 64 hex digits. */
export function createFileSetId(): string {
  return `${createCommitId()}.${randomBytes(32).toString('hex')}`
}
