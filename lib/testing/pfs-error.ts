import { type Missing, PfsError, type PfsStatus, type Refusal } from '../pfs/errors.js'

/**
 * Creates the errors of pachd, with their status and text, for mocks and faults.
 *
 * @example
 * ```ts
 * mockPfs({ inspectBranch: async ({ name }) => { throw pfsError.missing('branch', `default/images@${name}`) } })
 * withFaults(pfs, { modifyFile: { fail: pfsError.denied('REPO_WRITE', 'default/images'), times: 1 } })
 * ```
 */
export const pfsError = {
  /**
   * NOT_FOUND. The name is in pachd's notation: `/dir/a.txt` for a file, `default` for a project, `default/images` for a
   * repo, `default/images@master` for a branch, `default/images@<id>` for a commit.
   */
  missing(what: Missing, name: string): PfsError {
    return new PfsError('NOT_FOUND', missingTexts[what](name))
  },

  /** ALREADY_EXISTS, such as `exists('repo', 'default/images')`. */
  exists(what: 'project' | 'repo', name: string): PfsError {
    return new PfsError('ALREADY_EXISTS', `${what} ${name} already exists`)
  },

  /** PERMISSION_DENIED: the caller lacks a permission such as `REPO_WRITE` on a repo, `project/name`. */
  denied(permission: string, repo: string): PfsError {
    const message =
      `robot:someone is not authorized to perform this operation - needs permissions [${permission}] on REPO ${repo}. ` +
      'Run `pachctl auth roles-for-permission` to find roles that grant a given permission.'
    return new PfsError('PERMISSION_DENIED', message)
  },

  /** UNAUTHENTICATED: the token is unknown or revoked. */
  unknownToken(): PfsError {
    return new PfsError('UNAUTHENTICATED', 'provided auth token is corrupted or has expired (try logging in again)')
  },

  /** A refusal with a coarse code (mostly UNKNOWN) and pachd's text. `name` is the path, branch or commit in the text. */
  refused(refusal: Refusal, name = defaultNames[refusal] ?? ''): PfsError {
    const { status = 'UNKNOWN', text } = refusals[refusal]
    return new PfsError(status, text(name))
  },

  /** UNAVAILABLE: pachd cannot be reached. */
  unavailable(): PfsError {
    return new PfsError('UNAVAILABLE', 'No connection established')
  },
}

const missingTexts: Readonly<Record<Missing, (name: string) => string>> = {
  project: (name) => `error getting project "${name}": get project by name: project "${name}" not found`,
  repo: (name) => `repo ${name} not found`,
  branch: (name) => {
    const { repo, last } = splitAtSign(name)
    return `pick commit tx: commit ${repo}@ not found\nbranch "${last}" not found in repo ${repo}`
  },
  commit: (name) => `pick commit tx: commit ${name} not found\ncommit ${name} not found`,
  file: (name) => `file ${name} not found in repo default/images at commit ${'0'.repeat(32)}`,
}

function splitAtSign(name: string): { readonly repo: string; readonly last: string } {
  const sign = name.lastIndexOf('@')
  return { repo: name.slice(0, sign), last: name.slice(sign + 1) }
}

const aCommit = `default/images@${'0'.repeat(32)}`

const defaultNames: Partial<Readonly<Record<Refusal, string>>> = {
  name: 'a.b',
  path: '/a*',
  collision: '/a/b',
  finished: aCommit,
  'open-parent': aCommit,
  'unfinished-parent': aCommit,
  provenance: 'default/images@master',
}

interface RefusalText {
  /** @default 'UNKNOWN' */
  readonly status?: PfsStatus
  readonly text: (name: string) => string
}

const refusals: Readonly<Record<Refusal, RefusalText>> = {
  'auth-inactive': { status: 'UNIMPLEMENTED', text: () => 'the auth service is not activated' },
  'no-token': { status: 'UNAUTHENTICATED', text: () => 'no authentication token (try logging in)' },
  'expired-token': { status: 'INTERNAL', text: () => 'token expiration is in the past' },
  'output-branch': { text: () => 'cannot start a commit on an output branch' },
  name: {
    text: (name) => `name (${name}) invalid: only alphanumeric characters, underscores, and dashes are allowed`,
  },
  path: { text: (name) => `path (${name}) invalid: globbing character (*) not allowed in path` },
  'not-a-file': { text: () => 'cannot get directory or non-regular file' },
  collision: { text: (name) => `file / directory path collision (${name})` },
  finished: { text: (name) => `commit ${name} has already finished` },
  'unfinished-parent': { text: (name) => `base commit ${name} unfinished` },
  'open-parent': { text: (name) => `create commit: parent commit ${name} has not been finished` },
  provenance: {
    text: (name) =>
      `branch "${name}" cannot be deleted because it's in the direct provenance of [default/edges@master]`,
  },
  pipeline: { text: () => 'cannot delete a repo associated with a pipeline - delete the pipeline instead' },
  forgotten: { text: () => 'the commit is forgotten' },
  'rolled-back': { text: () => 'unexpectedly resulted in rollback' },
}
