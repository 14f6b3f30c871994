import type {
  AuthInfo,
  Branch,
  BranchInfo,
  Commit,
  CommitInfo,
  File,
  FileInfo,
  FileOperation,
  ProjectInfo,
  Repo,
  RepoInfo,
  RepoType,
} from '../../lib/pfs/client.js'
import type { Json, Message } from './recording.js'

/** The text of a field; '' if it is missing. */
export function text(json: Json | undefined): string {
  return typeof json === 'string' ? json : ''
}

/** The number of a field; 0 if it is missing. */
export function number(json: Json | undefined): number {
  return Number(json ?? 0)
}

/** The message of a field; an empty one if it is missing. */
export function message(json: Json | undefined): Message {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Message) : {}
}

/** A repeated field's messages. */
export function messages(json: Json | undefined): Message[] {
  return Array.isArray(json) ? json.map(message) : []
}

/** The texts of a repeated field. */
export function texts(json: Json | undefined): string[] {
  return Array.isArray(json) ? json.map(text) : []
}

/** A repo as a PfsClient takes it. */
export function repoFromMessage(repo: Message): Repo {
  // The recordings contain an unknown type, too.
  return { project: text(message(repo.project).name), name: text(repo.name), type: text(repo.type) as RepoType }
}

/** A branch as a PfsClient takes it. */
export function branchFromMessage(branch: Message): Branch {
  return { repo: repoFromMessage(message(branch.repo)), name: text(branch.name) }
}

/** A commit as a PfsClient takes it. */
export function commitFromMessage(commit: Message): Commit {
  const branch = message(commit.branch)
  const repo = repoFromMessage(message(commit.repo ?? branch.repo))
  return { repo, ...(commit.id && { id: text(commit.id) }), ...(branch.name && { branch: text(branch.name) }) }
}

/** A file as a PfsClient takes it. */
export function fileFromMessage(file: Message): File {
  const commit = commitFromMessage(message(file.commit))
  return { commit, path: text(file.path), ...(file.datum && { datum: text(file.datum) }) }
}

/** A message of `ModifyFile` after the first as a PfsClient takes it. */
export function operationFromMessage({ addFile, deleteFile, copyFile }: Message): FileOperation {
  if (addFile)
    return { addFile: { ...target(message(addFile)), raw: Buffer.from(text(message(addFile).raw), 'base64') } }
  if (deleteFile) return { deleteFile: target(message(deleteFile)) }
  const { dst, src, datum, append } = message(copyFile)
  const copy = { dst: text(dst), src: fileFromMessage(message(src)), append: append === true }
  return { copyFile: { ...copy, ...(datum && { datum: text(datum) }) } }
}

function target({ path, datum }: Message) {
  return { path: text(path), ...(datum && { datum: text(datum) }) }
}

/** The message without the fields that have their default: proto3's JSON leaves them out. */
export function withoutDefaults(fields: Message): Message {
  const isDefault = (value: Json | undefined) =>
    value === undefined ||
    value === '' ||
    value === '0' ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isDefault(value)))
}

/** A project as recordings have it. */
export function messageFromProject({ name, description, createdAt }: ProjectInfo): Message {
  return withoutDefaults({ project: { name }, description, createdAt: time(createdAt) })
}

/** A repo as recordings have it. */
export function messageFromRepo({ project, name, type }: Repo): Message {
  return withoutDefaults({ name, type, project: withoutDefaults({ name: project }) })
}

/** A branch as recordings have it. */
export function messageFromBranch({ repo, name }: Branch): Message {
  return { repo: messageFromRepo(repo), name }
}

/** A commit as recordings have it. */
export function messageFromCommit({ repo, id, branch }: Commit): Message {
  return {
    repo: messageFromRepo(repo),
    ...(id && { id }),
    ...(branch && { branch: messageFromBranch({ repo, name: branch }) }),
  }
}

/** A repo's entry as recordings have it. */
export function messageFromRepoInfo(info: RepoInfo): Message {
  return withoutDefaults({
    repo: messageFromRepo(info.repo),
    created: time(info.created),
    sizeBytesUpperBound: String(info.sizeBytesUpperBound),
    description: info.description,
    branches: info.branches.map(messageFromBranch),
    authInfo: info.authInfo && messageFromAuthInfo(info.authInfo),
    details: details(info.sizeBytes),
  })
}

/** A branch's entry as recordings have it. */
export function messageFromBranchInfo(info: BranchInfo): Message {
  return withoutDefaults({
    branch: messageFromBranch(info.branch),
    head: info.head && messageFromCommit(info.head),
    provenance: info.provenance.map(messageFromBranch),
    subvenance: info.subvenance.map(messageFromBranch),
    directProvenance: info.directProvenance.map(messageFromBranch),
    createdBy: info.createdBy,
    createdAt: time(info.createdAt),
    updatedAt: time(info.updatedAt),
  })
}

/** A commit's entry as recordings have it. */
export function messageFromCommitInfo(info: CommitInfo): Message {
  return withoutDefaults({
    commit: messageFromCommit(info.commit),
    origin: info.origin && { kind: info.origin },
    description: info.description,
    parentCommit: info.parentCommit && messageFromCommit(info.parentCommit),
    childCommits: info.childCommits.map(messageFromCommit),
    directProvenance: info.directProvenance.map(messageFromCommit),
    started: time(info.started),
    finishing: time(info.finishing),
    finished: time(info.finished),
    error: info.error,
    sizeBytesUpperBound: String(info.sizeBytesUpperBound),
    details: details(info.sizeBytes),
    createdBy: info.createdBy,
    createdAt: time(info.createdAt),
    updatedAt: time(info.updatedAt),
  })
}

/** A file's or directory's entry as recordings have it. */
export function messageFromFileInfo(info: FileInfo): Message {
  const { commit, path, datum } = info.file
  return withoutDefaults({
    file: withoutDefaults({ commit: messageFromCommit(commit), path, datum }),
    fileType: info.fileType,
    committed: time(info.committed),
    sizeBytes: String(info.sizeBytes),
    hash: Buffer.from(info.hash).toString('base64'),
  })
}

/** A time as recordings have it. */
export function time(date: Date | undefined): string | undefined {
  return date && '<time>'
}

function messageFromAuthInfo({ permissions, roles }: AuthInfo): Message {
  return withoutDefaults({ permissions, roles })
}

function details(sizeBytes: number | undefined): Message | undefined {
  return sizeBytes === undefined ? undefined : withoutDefaults({ sizeBytes: String(sizeBytes) })
}
