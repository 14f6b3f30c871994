import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { maxRawBytes } from '../../../lib/pfs/client.js'
import { bytesValue, commitFromMessage, messageFromCommit, repoFromMessage } from '../../../lib/pfs/grpc/codec/codec.js'
import { messagesFromOperation, modifyFileRequest } from '../../../lib/pfs/grpc/codec/file-operations.js'
import { listRepoRequest, repoInfo } from '../../../lib/pfs/grpc/codec/repos.js'
import {
  AddFile,
  AuthInfo,
  Branch,
  Commit,
  ModifyFileRequest,
  Repo,
  RepoInfo,
} from '../../../lib/pfs/grpc/generated/pfs_pb.cjs'

const test = suite('pfs/grpc/codec')

test('a repo of an unknown type is refused', () => {
  assert.throws(() => repoFromMessage(new Repo().setName('images').setType('other')), /must be user, meta or spec/)
  assert.throws(() => listRepoRequest.decode(Buffer.from([0x0a, 0x01, 0x78])), /must be user, meta or spec/)
})

test('a repo without project and type is of project default and type user', () => {
  assert.equal(repoFromMessage(new Repo().setName('images')), { project: 'default', name: 'images', type: 'user' })
})

test('a commit without a repo gets the repo of its branch', () => {
  const branch = new Branch().setRepo(new Repo().setName('images').setType('meta')).setName('master')
  assert.equal(commitFromMessage(new Commit().setBranch(branch)), {
    repo: { project: 'default', name: 'images', type: 'meta' },
    branch: 'master',
  })
})

test('a commit is sent with its repo in both places', () => {
  const repo = { project: 'vision', name: 'images', type: 'user' } as const
  const message = messageFromCommit({ repo, id: 'a'.repeat(32), branch: 'master' })
  assert.equal(repoFromMessage(message.getRepo()), repo)
  assert.equal(repoFromMessage(message.getBranch()?.getRepo()), repo)
  assert.not(messageFromCommit({ repo, id: 'a'.repeat(32) }).hasBranch())
})

test('a permission that is not on repos becomes its number, and empty rights stay', () => {
  const info = (authInfo: AuthInfo) =>
    repoInfo.decode(Buffer.from(new RepoInfo().setAuthInfo(authInfo).serializeBinary()))
  assert.equal(info(AuthInfo.deserializeBinary(Uint8Array.of(0x0a, 4, 0xc8, 1, 0xe7, 7))).authInfo?.permissions, [
    'REPO_READ',
    '999',
  ])
  assert.equal(info(new AuthInfo()).authInfo, { permissions: [], roles: [] })
})

test('the bytes of a BytesValue are not copied', () => {
  const message = bytesValue.encode(Buffer.alloc(100_000, 7))
  const value = bytesValue.decode(message)
  assert.is(value.length, 100_000)
  assert.is(value.buffer, message.buffer)
})

test('a BytesValue with an unknown field is decoded', () => {
  assert.equal(Buffer.from(bytesValue.decode(Buffer.from([0x10, 0x01, 0x0a, 0x02, 0x68, 0x69]))).toString(), 'hi')
  assert.equal(Buffer.from(bytesValue.decode(Buffer.from([0x0a, 0x02, 0x68, 0x69, 0x10, 0x01]))).toString(), 'hi')
})

test('a truncated BytesValue is refused', () => {
  assert.throws(() => bytesValue.decode(Buffer.from([0x0a, 0x03, 0x68, 0x69])))
  assert.throws(() => bytesValue.decode(Buffer.from([0x0a])))
})

test('a hand-written AddFile equals that of the generated code', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.option(fc.string(), { nil: undefined }),
      fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom(16_383, 16_384).map((n) => new Uint8Array(n)),
      ),
      (path, datum, raw) => {
        const bytes = modifyFileRequest.encode({ addFile: { path, ...(datum !== undefined && { datum }), raw } })
        const message = ModifyFileRequest.deserializeBinary(bytes)
        assert.equal(Buffer.from(message.serializeBinary()), bytes)
        const addFile = message.getAddFile() ?? new AddFile()
        assert.is(addFile.getPath(), path)
        assert.is(addFile.getDatum(), datum ?? '')
        assert.equal(Buffer.from(addFile.getRaw()?.getValue_asU8() ?? []), Buffer.from(raw))
      },
    ),
  )
})

test('an AddFile without a source creates an empty file; a URL and an empty message are refused', () => {
  const request = (message: ModifyFileRequest) => modifyFileRequest.decode(Buffer.from(message.serializeBinary()))
  assert.equal(request(new ModifyFileRequest().setAddFile(new AddFile().setPath('/a'))), {
    addFile: { path: '/a', raw: new Uint8Array() },
  })
  const url = new AddFile().setPath('/a').setUrl(new AddFile.URLSource().setUrl('file:///etc/passwd'))
  assert.throws(() => request(new ModifyFileRequest().setAddFile(url)), /URL is not supported/)
  assert.throws(() => request(new ModifyFileRequest()), /no body/)
})

test('an addFile that is too long is sent in several messages, which alias its bytes', () => {
  const raw = new Uint8Array(2 * maxRawBytes + 1)
  const pieces = [...messagesFromOperation({ addFile: { path: '/a', datum: 'd', raw } })]
  assert.equal(
    pieces.map((piece) =>
      'addFile' in piece ? [piece.addFile.path, piece.addFile.datum, piece.addFile.raw.length] : [],
    ),
    [
      ['/a', 'd', maxRawBytes],
      ['/a', 'd', maxRawBytes],
      ['/a', 'd', 1],
    ],
  )
  assert.ok(pieces.every((piece) => 'addFile' in piece && piece.addFile.raw.buffer === raw.buffer))
})

test.run()
