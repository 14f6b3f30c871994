import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BranchInfo, CommitInfo, FileInfo, RepoInfo } from '../../../lib/pfs/client.js'
import { PfsError } from '../../../lib/pfs/errors.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import type { pachydermMethods } from '../../../lib/testing/pachyderm-methods.js'
import { deferred } from '../../support/deferred.js'
import { collect, failureOf, file, head, repo, served } from './served.js'

const test = suite('pfs/grpc/methods')

const id = 'f00d'.repeat(8)
const commit = { repo, id }
const branch = { repo, name: 'master' }
const upstream = { repo: { ...repo, project: 'vision', type: 'meta' as const }, name: 'raw' }
const time = new Date('2026-11-24T03:04:05.678Z')

const repoInfo: RepoInfo = {
  repo,
  description: 'photos – größer',
  created: time,
  sizeBytesUpperBound: 2 ** 40,
  branches: [branch],
  authInfo: { permissions: ['REPO_WRITE', 'REPO_READ', 'PIPELINE_LIST_JOB'], roles: ['repoOwner'] },
  sizeBytes: 0,
}
const branchInfo: BranchInfo = {
  branch,
  head: commit,
  provenance: [upstream],
  subvenance: [branch],
  directProvenance: [upstream],
  createdBy: 'alice',
  createdAt: time,
  updatedAt: time,
}
const commitInfo: CommitInfo = {
  commit,
  origin: 'AUTO',
  description: 'nightly',
  parentCommit: { repo, id: 'a'.repeat(32) },
  childCommits: [{ repo, id: 'b'.repeat(32) }],
  directProvenance: [{ repo: upstream.repo, id }],
  started: time,
  finishing: time,
  finished: time,
  error: 'file / directory path collision (/a)',
  sizeBytesUpperBound: 12,
  sizeBytes: 11,
  createdBy: 'alice',
  createdAt: time,
  updatedAt: time,
}
const fileInfo: FileInfo = {
  file: { commit, path: '/a.txt', datum: 'default' },
  fileType: 'FILE',
  committed: time,
  sizeBytes: 5,
  hash: new Uint8Array(32).fill(9),
}
const directoryInfo: FileInfo = {
  file: { commit, path: '/d/' },
  fileType: 'DIR',
  sizeBytes: 0,
  hash: new Uint8Array(0),
}

type Arguments = readonly unknown[]
type Answers = { [Name in keyof typeof pachydermMethods]: { arguments: Arguments; answer: unknown; stream?: true } }

/** Arguments and result of each method; both must arrive unchanged. */
const answers: Answers = {
  createProject: { arguments: [{ project: 'vision', description: 'x', update: true }], answer: undefined },
  inspectProject: { arguments: ['vision'], answer: { name: 'vision', description: 'x', createdAt: time } },
  listProject: { arguments: [], answer: [{ name: 'default', description: '' }], stream: true },
  deleteProject: { arguments: [{ project: 'vision', force: true }], answer: undefined },
  createRepo: { arguments: [{ repo: upstream.repo, description: 'x', update: true }], answer: undefined },
  inspectRepo: { arguments: [repo], answer: repoInfo },
  listRepo: {
    arguments: [{ type: 'user', projects: ['default', 'vision'] }],
    answer: [repoInfo, { repo: upstream.repo, description: '', sizeBytesUpperBound: 0, branches: [] }],
    stream: true,
  },
  deleteRepo: { arguments: [{ repo, force: true }], answer: false },
  createBranch: {
    arguments: [{ branch, head: commit, provenance: [upstream], newCommitSet: true }],
    answer: undefined,
  },
  inspectBranch: { arguments: [branch], answer: branchInfo },
  listBranch: {
    arguments: [{ repo, reverse: true }],
    answer: [branchInfo, { branch, provenance: [], subvenance: [], directProvenance: [], createdBy: '' }],
    stream: true,
  },
  deleteBranch: { arguments: [{ branch, force: true }], answer: undefined },
  startCommit: { arguments: [{ branch, parent: commit, description: 'x' }], answer: commit },
  finishCommit: { arguments: [{ commit, description: 'x', error: 'bad', force: true }], answer: undefined },
  inspectCommit: { arguments: [{ commit: head, wait: 'FINISHED' }], answer: commitInfo },
  listCommit: {
    arguments: [{ repo, from: commit, to: head, number: 3, reverse: true, all: true }],
    answer: [commitInfo],
    stream: true,
  },
  findCommits: {
    arguments: [{ start: commit, filePath: '/a', limit: 7 }],
    answer: [
      { foundCommit: commit, commitsSearched: 1 },
      { lastSearchedCommit: commit, commitsSearched: 2 },
    ],
    stream: true,
  },
  modifyFile: {
    arguments: [
      head,
      [
        { deleteFile: { path: '/a', datum: 'd' } },
        { addFile: { path: '/a', datum: 'd', raw: Uint8Array.of(1, 2, 3) } },
        { addFile: { path: '/empty', raw: new Uint8Array() } },
        { copyFile: { dst: '/b', datum: 'd', src: file, append: true } },
      ],
    ],
    answer: undefined,
  },
  getFile: {
    arguments: [{ file, offset: 2 ** 33 }],
    answer: [Uint8Array.of(1), Uint8Array.of(2)],
    stream: true,
  },
  getFileTar: {
    arguments: [{ file, offset: 0, pathRange: { lower: '/a', upper: '/b' } }],
    answer: [Uint8Array.of(1), Uint8Array.of(2)],
    stream: true,
  },
  inspectFile: { arguments: [{ commit: head, path: '/ü', datum: 'd' }], answer: fileInfo },
  listFile: {
    arguments: [{ file, paginationMarker: '/b', number: 10, reverse: true }],
    answer: [fileInfo, directoryInfo],
    stream: true,
  },
  walkFile: {
    arguments: [{ file, paginationMarker: '/b', number: 10, reverse: true }],
    answer: [directoryInfo, fileInfo],
    stream: true,
  },
  globFile: {
    arguments: [{ commit: head, pattern: '/**', pathRange: { lower: '/a', upper: '' } }],
    answer: [fileInfo],
    stream: true,
  },
  diffFile: {
    arguments: [{ newFile: file, oldFile: { commit, path: '/a.txt' }, shallow: true }],
    answer: [{ newFile: fileInfo, oldFile: directoryInfo }, { newFile: fileInfo }, { oldFile: fileInfo }],
    stream: true,
  },
  createFileSet: { arguments: [[{ addFile: { path: '/a', raw: Uint8Array.of(1) } }]], answer: 'set' },
  getFileSet: { arguments: [{ commit, type: 'DIFF' }], answer: 'set' },
  addFileSet: { arguments: [{ commit, fileSetId: 'set' }], answer: undefined },
  renewFileSet: { arguments: [{ fileSetId: 'set', ttlSeconds: 600 }], answer: undefined },
  composeFileSet: { arguments: [{ fileSetIds: ['a', 'b'], ttlSeconds: 600, compact: true }], answer: 'set' },
  whoAmI: { arguments: [], answer: { username: 'robot:alice', expiration: time } },
  activateAuth: { arguments: [{ rootToken: 'root' }], answer: 'root' },
  getRobotToken: { arguments: [{ robot: 'alice', ttlSeconds: 60 }], answer: 'token' },
  modifyRoleBinding: {
    arguments: [
      { resource: { type: 'REPO', name: 'default/images' }, principal: 'robot:alice', roles: ['repoReader'] },
    ],
    answer: undefined,
  },
  getRoleBinding: {
    arguments: [{ type: 'CLUSTER', name: '' }],
    answer: new Map([
      ['pach:root', ['clusterAdmin']],
      ['robot:alice', []],
    ]),
  },
}

type AnyMethod = (...parameters: unknown[]) => unknown

for (const [name, { arguments: given, answer, stream }] of Object.entries(answers)) {
  test(`${name} transfers its request, its token and its response`, async () => {
    let received: unknown[] = []
    let token: unknown
    const receive = async (parameters: unknown[]) => {
      const options = parameters.pop() as { authToken?: string }
      token = options.authToken
      received = await Promise.all(parameters.map((value) => (isAsyncIterable(value) ? collect(value) : value)))
    }
    const stub = stream
      ? async function* (...parameters: unknown[]) {
          await receive(parameters)
          yield* answer as unknown[]
        }
      : async (...parameters: unknown[]) => {
          await receive(parameters)
          return answer
        }
    await served({ [name]: stub } as Partial<PachydermApi>, async (pfs) => {
      const call = (pfs as unknown as Record<string, AnyMethod>)[name] as AnyMethod
      const result = call(...given, { authToken: 'secret' })
      const arrived = stream ? await collect(result as AsyncIterable<unknown>) : await result
      assert.equal(plain(arrived), plain(answer))
      assert.equal(plain(received), plain(given))
      assert.is(token, 'secret')
    })
  })
}

/** Buffers as the Uint8Arrays that they are, for a comparison by value. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (value instanceof Date || value instanceof Map) return value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

test('without a token none is sent; an empty one is not sent', async () => {
  const tokens: unknown[] = []
  const whoAmI: PachydermApi['whoAmI'] = async (options = {}) => {
    tokens.push('authToken' in options)
    return { username: 'x' }
  }
  await served({ whoAmI }, async (pfs) => {
    await pfs.whoAmI()
    await pfs.whoAmI({ authToken: '' })
  })
  assert.equal(tokens, [false, false])
})

test('a token that metadata cannot carry is UNAUTHENTICATED, without the token in the message', async () => {
  await served({}, async (pfs) => {
    for (const authToken of ['sécret', 'sec\nret', 'sec\0ret']) {
      const error = await failureOf(pfs.whoAmI({ authToken }))
      assert.is(error.status, 'UNAUTHENTICATED')
      assert.not.match(`${error.message}${error.cause}`, 'ret')
    }
  })
})

test('a refusal arrives with its status and its complete text', async () => {
  const message = 'get file: pick commit tx: commit default/ü@ not found\nrepo "50%25 #/?" not found'
  const inspectFile = async () => {
    throw new PfsError('NOT_FOUND', message)
  }
  await served({ inspectFile }, async (pfs) => {
    const error = await failureOf(pfs.inspectFile(file))
    assert.instance(error, PfsError)
    assert.is(error.status, 'NOT_FOUND')
    assert.is(error.message, message)
    assert.ok(error.cause)
  })
})

test('a refusal in the middle of a stream arrives', async () => {
  const firstArrived = deferred()
  async function* listFile() {
    yield fileInfo
    await firstArrived.promise
    throw new PfsError('UNKNOWN', 'file / directory path collision')
  }
  await served({ listFile }, async (pfs) => {
    const listing = pfs.listFile({ file })[Symbol.asyncIterator]()
    assert.is((await listing.next()).value?.file.path, '/a.txt')
    firstArrived.resolve()
    const error = await failureOf(listing.next())
    assert.is(error.status, 'UNKNOWN')
    assert.is(error.message, 'file / directory path collision')
  })
})

test('any other error is UNKNOWN with its message', async () => {
  const inspectFile = async () => {
    throw new RangeError('out of luck')
  }
  await served({ inspectFile }, async (pfs) => {
    const error = await failureOf(pfs.inspectFile(file))
    assert.is(error.status, 'UNKNOWN')
    assert.is(error.message, 'out of luck')
  })
})

test.run()
