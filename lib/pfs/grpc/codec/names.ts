import type { Branch, Commit, File, Repo, RepoType } from '../../client.js'
import { PfsError } from '../../errors.js'
import * as pfs from '../generated/pfs_pb.cjs'

/** A repo type, '' being `user` as in pachd; refuses what pachd's database does not know. */
export function parseRepoType(text: string): RepoType {
  switch (text) {
    case '':
      return 'user'
    case 'user':
    case 'meta':
    case 'spec':
      return text
    default:
      throw new PfsError('UNKNOWN', `repo type ${JSON.stringify(text)} is none of user, meta, spec`)
  }
}

export function messageFromProject(name: string): pfs.Project {
  return new pfs.Project().setName(name)
}

/** The project's name; an absent one is `default`. */
export function projectFromMessage(message: pfs.Project | undefined): string {
  return message?.getName() || 'default'
}

export function messageFromRepo(repo: Repo): pfs.Repo {
  return new pfs.Repo().setName(repo.name).setType(repo.type).setProject(messageFromProject(repo.project))
}

export function repoFromMessage(message: pfs.Repo | undefined): Repo {
  return {
    project: projectFromMessage(message?.getProject()),
    name: message?.getName() ?? '',
    type: parseRepoType(message?.getType() ?? ''),
  }
}

export function messageFromBranch(branch: Branch): pfs.Branch {
  return new pfs.Branch().setRepo(messageFromRepo(branch.repo)).setName(branch.name)
}

export function branchFromMessage(message: pfs.Branch | undefined): Branch {
  return { repo: repoFromMessage(message?.getRepo()), name: message?.getName() ?? '' }
}

export function messageFromCommit(commit: Commit): pfs.Commit {
  const message = new pfs.Commit().setRepo(messageFromRepo(commit.repo)).setId(commit.id ?? '')
  if (commit.branch === undefined) return message
  return message.setBranch(messageFromBranch({ repo: commit.repo, name: commit.branch }))
}

/** The repo is the commit's own, or else that of its branch. */
export function commitFromMessage(message: pfs.Commit | undefined): Commit {
  const branch = message?.getBranch()
  const id = message?.getId()
  const name = branch?.getName()
  return {
    repo: repoFromMessage(message?.getRepo() ?? branch?.getRepo()),
    ...(id && { id }),
    ...(name && { branch: name }),
  }
}

export function messageFromFile(file: File): pfs.File {
  return new pfs.File()
    .setCommit(messageFromCommit(file.commit))
    .setPath(file.path)
    .setDatum(file.datum ?? '')
}

export function fileFromMessage(message: pfs.File | undefined): File {
  const datum = message?.getDatum()
  return {
    commit: commitFromMessage(message?.getCommit()),
    path: message?.getPath() ?? '',
    ...(datum && { datum }),
  }
}
