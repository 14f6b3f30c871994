import { readFileSync } from 'node:fs'
import jspb from 'google-protobuf'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Permission, RoleBinding, Roles } from '../../../lib/pfs/grpc/generated/auth_pb.cjs'
import { AuthInfo, RepoInfo } from '../../../lib/pfs/grpc/generated/pfs_pb.cjs'
import { fileOf } from '../../support/root.js'

const test = suite('pfs/grpc/generated')

test('a map of strings is decoded as encoded', () => {
  const info = new RepoInfo()
  info.getMetadataMap().set('owner', 'alice').set('', 'ü')
  const decoded = RepoInfo.deserializeBinary(info.serializeBinary())
  assert.equal(decoded.getMetadataMap().getEntryList(), [
    ['', 'ü'],
    ['owner', 'alice'],
  ])
})

test('a map of messages is decoded as encoded, each with its own map', () => {
  const roles = new Roles()
  roles.getRolesMap().set('repoReader', true).set('repoOwner', false)
  const binding = new RoleBinding()
  binding.getEntriesMap().set('robot:alice', roles).set('robot:bob', new Roles())
  const decoded = RoleBinding.deserializeBinary(binding.serializeBinary()).getEntriesMap()
  assert.equal(decoded.get('robot:alice')?.getRolesMap().get('repoReader'), true)
  assert.equal(decoded.get('robot:alice')?.getRolesMap().get('repoOwner'), false)
  assert.equal(decoded.get('robot:bob')?.getRolesMap().getLength(), 0)
})

test('a list of enum values is decoded as encoded, packed or not', () => {
  const info = new AuthInfo().setPermissionsList([Permission.REPO_READ, Permission.PIPELINE_LIST_JOB])
  assert.equal(AuthInfo.deserializeBinary(info.serializeBinary()).getPermissionsList(), [200, 301])
  const unpacked = Uint8Array.of(0x08, 0xc8, 0x01, 0x08, 0xad, 0x02)
  assert.equal(AuthInfo.deserializeBinary(unpacked).getPermissionsList(), [200, 301])
})

for (const name of ['auth_pb', 'pfs_pb']) {
  test(`${name} calls only functions that this google-protobuf has`, () => {
    const code = readFileSync(fileOf(`lib/pfs/grpc/generated/${name}.cjs`), 'utf8')
    const called = [
      ...code.matchAll(/\b(reader|writer|jspb\.Message|jspb\.Binary(?:Reader|Writer)\.prototype)\.(\w+)/g),
    ]
    assert.ok(called.length > 100)
    const owners: Record<string, object> = {
      reader: jspb.BinaryReader.prototype,
      writer: jspb.BinaryWriter.prototype,
      'jspb.Message': jspb.Message,
      'jspb.BinaryReader.prototype': jspb.BinaryReader.prototype,
      'jspb.BinaryWriter.prototype': jspb.BinaryWriter.prototype,
    }
    const missing = called.filter(([, owner = '', method = '']) => !(method in (owners[owner] ?? {})))
    assert.equal(
      missing.map(([call]) => call),
      [],
    )
  })
}

test.run()
