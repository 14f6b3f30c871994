import * as auth from './codec/auth.js'
import { bytesValue, type Codec, empty } from './codec/codec.js'
import * as commits from './codec/commits.js'
import { modifyFileRequest } from './codec/file-operations.js'
import * as fileSets from './codec/files.js'
import * as branches from './codec/repos.js'

/** A method of pachd's API: its path and the codecs of its messages. */
export interface Method<Request, Response> {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly request: Codec<Request>
  readonly response: Codec<Response>
}

function unary<Request, Response>(path: string, request: Codec<Request>, response: Codec<Response>) {
  return { path, request, response, requestStream: false, responseStream: false } as const
}

function download<Request, Response>(path: string, request: Codec<Request>, response: Codec<Response>) {
  return { path, request, response, requestStream: false, responseStream: true } as const
}

function upload<Request, Response>(path: string, request: Codec<Request>, response: Codec<Response>) {
  return { path, request, response, requestStream: true, responseStream: false } as const
}

/** The methods of PfsClient, by name. */
export const methods = {
  createProject: unary('/pfs_v2.API/CreateProject', branches.createProjectRequest, empty),
  inspectProject: unary('/pfs_v2.API/InspectProject', branches.inspectProjectRequest, branches.projectInfo),
  listProject: download('/pfs_v2.API/ListProject', empty, branches.projectInfo),
  deleteProject: unary('/pfs_v2.API/DeleteProject', branches.deleteProjectRequest, empty),

  createRepo: unary('/pfs_v2.API/CreateRepo', branches.createRepoRequest, empty),
  inspectRepo: unary('/pfs_v2.API/InspectRepo', branches.inspectRepoRequest, branches.repoInfo),
  listRepo: download('/pfs_v2.API/ListRepo', branches.listRepoRequest, branches.repoInfo),
  deleteRepo: unary('/pfs_v2.API/DeleteRepo', branches.deleteRepoRequest, branches.deleteRepoResponse),

  createBranch: unary('/pfs_v2.API/CreateBranch', branches.createBranchRequest, empty),
  inspectBranch: unary('/pfs_v2.API/InspectBranch', branches.inspectBranchRequest, branches.branchInfo),
  listBranch: download('/pfs_v2.API/ListBranch', branches.listBranchRequest, branches.branchInfo),
  deleteBranch: unary('/pfs_v2.API/DeleteBranch', branches.deleteBranchRequest, empty),

  startCommit: unary('/pfs_v2.API/StartCommit', commits.startCommitRequest, commits.commit),
  finishCommit: unary('/pfs_v2.API/FinishCommit', commits.finishCommitRequest, empty),
  inspectCommit: unary('/pfs_v2.API/InspectCommit', commits.inspectCommitRequest, commits.commitInfo),
  listCommit: download('/pfs_v2.API/ListCommit', commits.listCommitRequest, commits.commitInfo),
  findCommits: download('/pfs_v2.API/FindCommits', commits.findCommitsRequest, commits.findCommitsResponse),

  modifyFile: upload('/pfs_v2.API/ModifyFile', modifyFileRequest, empty),
  getFile: download('/pfs_v2.API/GetFile', fileSets.getFileRequest, bytesValue),
  getFileTar: download('/pfs_v2.API/GetFileTAR', fileSets.getFileRequest, bytesValue),
  inspectFile: unary('/pfs_v2.API/InspectFile', fileSets.inspectFileRequest, fileSets.fileInfo),
  listFile: download('/pfs_v2.API/ListFile', fileSets.listFileRequest, fileSets.fileInfo),
  walkFile: download('/pfs_v2.API/WalkFile', fileSets.walkFileRequest, fileSets.fileInfo),
  globFile: download('/pfs_v2.API/GlobFile', fileSets.globFileRequest, fileSets.fileInfo),
  diffFile: download('/pfs_v2.API/DiffFile', fileSets.diffFileRequest, fileSets.fileDiff),

  createFileSet: upload('/pfs_v2.API/CreateFileSet', modifyFileRequest, fileSets.createFileSetResponse),
  getFileSet: unary('/pfs_v2.API/GetFileSet', fileSets.getFileSetRequest, fileSets.createFileSetResponse),
  addFileSet: unary('/pfs_v2.API/AddFileSet', fileSets.addFileSetRequest, empty),
  renewFileSet: unary('/pfs_v2.API/RenewFileSet', fileSets.renewFileSetRequest, empty),
  composeFileSet: unary('/pfs_v2.API/ComposeFileSet', fileSets.composeFileSetRequest, fileSets.createFileSetResponse),

  whoAmI: unary('/auth_v2.API/WhoAmI', empty, auth.whoAmIResponse),
  activateAuth: unary('/auth_v2.API/Activate', auth.activateRequest, auth.activateResponse),
  getRobotToken: unary('/auth_v2.API/GetRobotToken', auth.getRobotTokenRequest, auth.getRobotTokenResponse),
  modifyRoleBinding: unary('/auth_v2.API/ModifyRoleBinding', auth.modifyRoleBindingRequest, empty),
  getRoleBinding: unary('/auth_v2.API/GetRoleBinding', auth.getRoleBindingRequest, auth.getRoleBindingResponse),
}
