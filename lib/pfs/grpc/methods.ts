import { bytesValue, type Codec, empty } from './codec/codec.js'
import * as commits from './codec/commits.js'
import { modifyFileRequest } from './codec/file-operations.js'
import * as files from './codec/files.js'
import * as repos from './codec/repos.js'

/** A method of pachd's API: its path and the codecs of its messages. */
export interface Method<Request, Response> {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly request: Codec<Request>
  readonly response: Codec<Response>
}

/** A method with one request and one response. */
export function unary<Request, Response>(path: string, request: Codec<Request>, response: Codec<Response>) {
  return { path, request, response, requestStream: false, responseStream: false } as const
}

/** A method that returns a stream. */
export function download<Request, Response>(path: string, request: Codec<Request>, response: Codec<Response>) {
  return { path, request, response, requestStream: false, responseStream: true } as const
}

function upload<Request, Response>(path: string, request: Codec<Request>, response: Codec<Response>) {
  return { path, request, response, requestStream: true, responseStream: false } as const
}

/** The methods of PfsClient, by name. */
export const methods = {
  inspectProject: unary('/pfs_v2.API/InspectProject', repos.inspectProjectRequest, repos.projectInfo),

  createRepo: unary('/pfs_v2.API/CreateRepo', repos.createRepoRequest, empty),
  inspectRepo: unary('/pfs_v2.API/InspectRepo', repos.inspectRepoRequest, repos.repoInfo),
  listRepo: download('/pfs_v2.API/ListRepo', repos.listRepoRequest, repos.repoInfo),
  deleteRepo: unary('/pfs_v2.API/DeleteRepo', repos.deleteRepoRequest, repos.deleteRepoResponse),

  createBranch: unary('/pfs_v2.API/CreateBranch', repos.createBranchRequest, empty),
  inspectBranch: unary('/pfs_v2.API/InspectBranch', repos.inspectBranchRequest, repos.branchInfo),
  listBranch: download('/pfs_v2.API/ListBranch', repos.listBranchRequest, repos.branchInfo),
  deleteBranch: unary('/pfs_v2.API/DeleteBranch', repos.deleteBranchRequest, empty),

  inspectCommit: unary('/pfs_v2.API/InspectCommit', commits.inspectCommitRequest, commits.commitInfo),
  listCommit: download('/pfs_v2.API/ListCommit', commits.listCommitRequest, commits.commitInfo),

  modifyFile: upload('/pfs_v2.API/ModifyFile', modifyFileRequest, empty),
  getFile: download('/pfs_v2.API/GetFile', files.getFileRequest, bytesValue),
  getFileTar: download('/pfs_v2.API/GetFileTAR', files.getFileRequest, bytesValue),
  inspectFile: unary('/pfs_v2.API/InspectFile', files.inspectFileRequest, files.fileInfo),
  listFile: download('/pfs_v2.API/ListFile', files.listFileRequest, files.fileInfo),
  walkFile: download('/pfs_v2.API/WalkFile', files.walkFileRequest, files.fileInfo),
  globFile: download('/pfs_v2.API/GlobFile', files.globFileRequest, files.fileInfo),
  diffFile: download('/pfs_v2.API/DiffFile', files.diffFileRequest, files.fileDiff),

  createFileSet: upload('/pfs_v2.API/CreateFileSet', modifyFileRequest, files.createFileSetResponse),
  addFileSet: unary('/pfs_v2.API/AddFileSet', files.addFileSetRequest, empty),
  composeFileSet: unary('/pfs_v2.API/ComposeFileSet', files.composeFileSetRequest, files.createFileSetResponse),

  whoAmI: unary('/auth_v2.API/WhoAmI', empty, repos.whoAmIResponse),
}
