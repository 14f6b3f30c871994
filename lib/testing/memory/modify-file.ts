import { setTimeout } from 'node:timers/promises'
import type { CallOptions, Commit, FileOperation, PfsClient } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { authenticate, authorize } from './auth.js'
import { moveBranch } from './branches.js'
import { forEachUntilCancelled, throwIfCancelled, untilCancelled } from './cancellation.js'
import { addCommit, closeCommit, refuseClosed, writeInto } from './commit-records.js'
import { refuseOutputBranch } from './commits.js'
import { findCommit, findRepo } from './lookup.js'
import { branchName, repoName, validateName } from './names.js'
import { isFileSet, openCommit, permissionsForBytes } from './opened-commit.js'
import { cleanPath, directoryPath, parseWritePath } from './paths.js'
import type { CommitRecord, State } from './state.js'
import { addContent, addRaw, type Changes, createChanges, deleteDirectory, deletePath } from './store/changes.js'
import { type Directory, findDirectory, findFile } from './store/directory.js'
import { walkBelow, wholeTree } from './store/walk.js'

/** The call that writes files. */
export function createModifyFile(state: State): PfsClient['modifyFile'] {
  return async function modifyFile(target, operations, options) {
    authenticate(state, options)
    authorize(state, options, target.repo, ['REPO_WRITE'])
    const { repo, branch, id } = target
    // For an unknown id, pachd makes a commit on the branch, even while another commit is open there.
    const isKnown = id === undefined || state.repos.get(repoName(repo))?.commits.has(id)
    const isNew = branch !== undefined && !isKnown
    const commit = isNew ? { repo, branch } : target
    const open = isNew ? undefined : findOpenCommit(state, commit)
    const head = open ?? findRepo(state, repo).branches.get(branch ?? '')?.head
    const writing: Writing = { changes: createChanges(), options, parent: () => head && parentOf(head) }
    await forEachUntilCancelled(operations, options?.signal, (operation) => recordOperation(state, writing, operation))
    await waitForTurn(state, commit, options)
    throwIfCancelled(options?.signal)
    if (open) writeIntoOpen(open, writing.changes)
    else commitOneOff(state, commit, writing.changes, options)
  }
}

/** Writes the changes into the commit that was open when they began. If it was closed since, pachd loses the changes. */
function writeIntoOpen(open: CommitRecord, changes: Changes): void {
  if (open.finishing) throw new PfsError('UNKNOWN', 'the commit is forgotten')
  writeInto(open, [changes])
}

/** Makes a new commit with the changes. */
function commitOneOff(state: State, commit: Commit, changes: Changes, options: CallOptions | undefined): void {
  const repo = findRepo(state, commit.repo)
  refuseOpenParent(state, commit)
  const createdBy = authenticate(state, options) ?? ''
  const branch = commit.branch ?? ''
  const parent = repo.branches.get(branch)?.head
  const record = addCommit(state, repo, { branch, origin: 'USER', createdBy, parent })
  writeInto(record, [changes])
  moveBranch(state, repo, branch, record, createdBy)
  closeCommit(state, record)
}

/** A commit that was opened during the upload is not changed, and no commit can be made on top of it. */
function refuseOpenParent(state: State, commit: Commit): void {
  const open = findOpenCommit(state, commit)
  if (!open) return
  throw new PfsError('UNKNOWN', `create commit: parent commit ${repoName(open.repo)}@${open.id} has not been finished`)
}

/** The open commit that a write changes; undefined if it makes a new commit. Throws if neither is possible. */
function findOpenCommit(state: State, commit: Commit): CommitRecord | undefined {
  if (commit.id) {
    const record = findCommit(state, commit)
    refuseClosed(record)
    return record
  }
  const name = commit.branch ?? ''
  validateName(name)
  const repo = findRepo(state, commit.repo)
  const head = repo.branches.get(name)?.head
  if (head && !head.finishing) return head
  refuseOutputBranch(repo, name)
  return undefined
}

/** The tree in which a deleted directory is looked up: that of the head, or of its parent while the head is unfinished. */
function parentOf(head: CommitRecord): Directory {
  if (head.parent && !head.finished && !head.parent.finished) {
    const name = repoName(head.repo)
    throw new PfsError('UNKNOWN', `base commit ${name}@${head.parent.id} for commit ${name}@${head.id} unfinished`)
  }
  return head.snapshot.root
}

/** Waits until earlier commits on the branch are made, and then for the duration of a commit. */
async function waitForTurn(state: State, commit: Commit, options: CallOptions | undefined): Promise<void> {
  const milliseconds = state.options.commitMilliseconds ?? 0
  if (milliseconds === 0 || findOpenCommit(state, commit)) return
  const name = branchName({ repo: commit.repo, name: commit.branch ?? '' })
  const before = state.commitQueues.get(name) ?? Promise.resolve()
  const turn = before.then(() => setTimeout(milliseconds))
  state.commitQueues.set(name, turn)
  turn.then(() => state.commitQueues.get(name) === turn && state.commitQueues.delete(name))
  await untilCancelled(turn, options?.signal)
}

/** A call that writes files. */
export interface Writing {
  readonly changes: Changes
  readonly options: CallOptions | undefined
  /** The tree in which a deleted directory is looked up; throws if pachd does not know it yet. */
  parent(): Directory | undefined
}

/** Adds one message of `ModifyFile` or `CreateFileSet` to the changes of its call; a copy waits for its source. */
export function recordOperation(state: State, writing: Writing, operation: FileOperation): Promise<void> | undefined {
  const { changes } = writing
  if ('copyFile' in operation) return recordCopy(state, writing, operation.copyFile)
  if ('addFile' in operation) {
    const { path, raw, datum } = operation.addFile
    addRaw(changes, parseWritePath(path), raw, datum)
  } else {
    const { path, datum } = operation.deleteFile
    if (path.endsWith('/')) deleteDirectory(changes, directoryPath(path), writing.parent(), datum)
    else deletePath(changes, parseWritePath(path), datum)
  }
  return undefined
}

async function recordCopy(
  state: State,
  { changes, options }: Writing,
  { dst, src, datum, append = false }: Extract<FileOperation, { copyFile: unknown }>['copyFile'],
): Promise<void> {
  const target = parseWritePath(dst)
  // pachd reports a missing source before it checks the permission to read it.
  if (!isFileSet(src.commit)) findCommit(state, src.commit)
  const { snapshot } = await openCommit(state, src.commit, options, permissionsForBytes(src.commit))
  for (const [path, records] of copied(snapshot.root, cleanPath(src.path), target)) {
    const wanted = records.filter((record) => !src.datum || record.datum === src.datum)
    for (const { content } of wanted) {
      if (!append) deletePath(changes, path, datum)
      addContent(changes, path, content, datum)
    }
  }
}

/** The file at `source` and the files below it, each with the path of its copy. */
function* copied(root: Directory, source: string, target: string) {
  const records = findFile(root, source)
  if (records) yield [target, records] as const
  const sourceDirectory = directoryPath(source)
  const directory = findDirectory(root, sourceDirectory)
  if (!directory) return
  for (const entry of walkBelow(directory, sourceDirectory, wholeTree)) {
    if ('directory' in entry) continue
    yield [directoryPath(target) + entry.path.slice(sourceDirectory.length), entry.records] as const
  }
}
