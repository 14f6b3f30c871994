import { randomBytes, randomUUID } from 'node:crypto'
import type { Branch, Repo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'

/** Throws what pachd says about a project, repo or branch name that it does not take. */
export function validateName(name: string): void {
  if (/^[A-Za-z0-9_-]+$/.test(name)) return
  throw new PfsError(
    'UNKNOWN',
    `name (${name}) invalid: only alphanumeric characters, underscores, and dashes are allowed`,
  )
}

/** A repo as pachd writes it: `project/name`, and `.type` behind a system repo. */
export function repoName(repo: Repo): string {
  return `${repo.project}/${repo.name}${repo.type === 'user' ? '' : `.${repo.type}`}`
}

/** A branch as pachd writes it: `project/name@branch`. */
export function branchName({ repo, name }: Branch): string {
  return `${repoName(repo)}@${name}`
}

/** A commit id: the 32 hex digits of a UUID of version 4, by which pachd tells it from a branch. */
export function createCommitId(): string {
  return randomUUID().replaceAll('-', '')
}

/** Whether pachd takes a text for the id of a commit; another one is the name of a branch. */
export function isCommitId(text: string): boolean {
  return /^[0-9a-f]{12}4[0-9a-f]{19}$/.test(text)
}

/** A file set id as pachd 2.12 gives it: 32 hex digits, a dot, 64 more. */
export function createFileSetId(): string {
  return `${createCommitId()}.${randomBytes(32).toString('hex')}`
}
