import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketAccelerateConfigurationCommand,
  GetBucketAclCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketRequestPaymentCommand,
  GetBucketVersioningCommand,
  GetObjectAclCommand,
  GetObjectTaggingCommand,
  type ObjectOwnership,
  PutBucketAclCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { type Gateway, startGateway, startGuardedGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'

const Bucket = 'master.configured'
const Key = 'k'
const configuration = suite<{ gateway: Gateway; s3: S3Client; guest: S3Client }>('missing configurations')

configuration.before(async (context) => {
  const gateway = await startGuardedGateway()
  context.gateway = gateway
  context.s3 = s3Client(gateway, tokenCredentials(gateway.writerToken))
  const token = await gateway.pfs.getRobotToken({ robot: 'guest' })
  context.guest = s3Client(context.gateway, tokenCredentials(token))
  await context.s3.send(new CreateBucketCommand({ Bucket }))
  await context.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))
})

configuration.after(async ({ gateway, s3, guest }) => {
  s3.destroy()
  guest.destroy()
  await gateway.close()
})

/** S3's response for a bucket without the configuration; the SDK command has the name of the configuration. */
const notConfigured = [
  ['cors', '404 NoSuchCORSConfiguration'],
  ['encryption', '404 ServerSideEncryptionConfigurationNotFoundError'],
  ['lifecycle', '404 NoSuchLifecycleConfiguration'],
  ['object-lock', '404 ObjectLockConfigurationNotFoundError'],
  ['policy', '404 NoSuchBucketPolicy'],
  ['policyStatus', '404 NoSuchBucketPolicy'],
  ['publicAccessBlock', '404 NoSuchPublicAccessBlockConfiguration'],
  ['replication', '404 ReplicationConfigurationNotFoundError'],
  ['tagging', '404 NoSuchTagSet'],
  ['website', '404 NoSuchWebsiteConfiguration'],
] as const

const open = suite<{ gateway: Gateway }>('configurations by subresource')

open.before(async (context) => {
  context.gateway = await startGateway()
  await fetch(`${context.gateway.endpoint}/${Bucket}`, { method: 'PUT' })
  await fetch(`${context.gateway.endpoint}/${Bucket}/${Key}`, { method: 'PUT', body: 'x' })
})

open.after(({ gateway }) => gateway.close())

async function outcomeOf(gateway: Gateway, target: string): Promise<string> {
  const { status, code } = await ask(gateway.port, 'GET', `/${target}`)
  return `${status} ${code}`
}

for (const subresource of ['analytics', 'inventory', 'metrics', 'intelligent-tiering']) {
  open(`the list of ${subresource} configurations is empty, if the bucket exists`, async ({ gateway }) => {
    const { status, text } = await ask(gateway.port, 'GET', `/${Bucket}?${subresource}`)
    assert.is(status, 200)
    assert.match(text, /<List\w+ xmlns="[^"]*"><IsTruncated>false<\/IsTruncated><\/List\w+>$/)
    assert.is(await outcomeOf(gateway, `none.configured?${subresource}`), '404 NoSuchBucket')
    assert.is(await outcomeOf(gateway, `${Bucket}?${subresource}&id=a`), '404 NoSuchConfiguration')
    assert.is(await outcomeOf(gateway, `none.configured?${subresource}&id=a`), '404 NoSuchBucket')
  })
}

for (const [subresource, expected] of notConfigured) {
  open(`${subresource} is not configured, if the bucket exists`, async ({ gateway }) => {
    assert.is(await outcomeOf(gateway, `${Bucket}?${subresource}`), expected)
    assert.is(await outcomeOf(gateway, `none.configured?${subresource}`), '404 NoSuchBucket')
  })
}

const deletable = [
  ...notConfigured.map(([name]) => name).filter((name) => !['object-lock', 'policyStatus'].includes(name)),
  'ownershipControls',
]

for (const subresource of deletable) {
  open(`deleting ${subresource} succeeds, if the bucket exists and can be written`, async ({ gateway }) => {
    const remove = async (bucket: string) => {
      const { status, code } = await ask(gateway.port, 'DELETE', `/${bucket}?${subresource}`)
      return `${status} ${code}`
    }
    assert.is(await remove(Bucket), '204 ')
    assert.is(await remove('none.configured'), '404 NoSuchBucket')
    assert.is(await remove(`master^.configured`), '405 MethodNotAllowed')
    assert.is((await fetch(`${gateway.endpoint}/${Bucket}/${Key}`)).status, 200)
  })
}

for (const subresource of ['retention', 'legal-hold']) {
  open(`${subresource} reports no object lock, if the object exists`, async ({ gateway }) => {
    assert.is(await outcomeOf(gateway, `${Bucket}/${Key}?${subresource}`), '400 InvalidRequest')
    assert.is(await outcomeOf(gateway, `${Bucket}/none?${subresource}`), '404 NoSuchKey')
  })
}

open.run()

configuration("the SDK parses S3's empty responses", async ({ s3 }) => {
  assert.is((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status, 'Enabled')
  assert.is((await s3.send(new GetBucketRequestPaymentCommand({ Bucket }))).Payer, 'BucketOwner')
  assert.is((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled, undefined)
  assert.is((await s3.send(new GetBucketAccelerateConfigurationCommand({ Bucket }))).Status, undefined)
  const notification = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }))
  assert.is(notification.QueueConfigurations, undefined)
})

configuration('the owner has full control of bucket and object', async ({ s3 }) => {
  for (const command of [new GetBucketAclCommand({ Bucket }), new GetObjectAclCommand({ Bucket, Key })]) {
    const { Owner, Grants } = await s3.send(command as GetBucketAclCommand)
    assert.equal(
      Grants?.map(({ Grantee, Permission }) => [Grantee?.ID, Grantee?.Type, Permission]),
      [[Owner?.ID, 'CanonicalUser', 'FULL_CONTROL']],
    )
  }
})

configuration('an ACL without effect is accepted, any other is refused', async ({ s3 }) => {
  const { Owner, Grants } = await s3.send(new GetBucketAclCommand({ Bucket }))
  assert.is(await refusal(s3.send(new PutBucketAclCommand({ Bucket, ACL: 'private' }))), 'none')
  assert.is(await refusal(s3.send(new PutObjectAclCommand({ Bucket, Key, ACL: 'bucket-owner-full-control' }))), 'none')
  const put = (AccessControlPolicy: object) =>
    refusal(s3.send(new PutBucketAclCommand({ Bucket, AccessControlPolicy })))
  assert.is(await put({ Owner, Grants }), 'none')
  const all = { Grantee: { Type: 'Group', URI: 'http://acs.amazonaws.com/groups/global/AllUsers' }, Permission: 'READ' }
  assert.is(await put({ Owner, Grants: [...(Grants ?? []), all] }), '400 AccessControlListNotSupported')
  assert.is(await put({ Owner, Grants: [] }), '400 AccessControlListNotSupported')
  for (const refused of [
    new PutBucketAclCommand({ Bucket, ACL: 'public-read' }),
    new PutBucketAclCommand({ Bucket, GrantRead: 'id="pachyderm"' }),
    new PutObjectAclCommand({ Bucket, Key, ACL: 'public-read' }),
  ]) {
    assert.is(await refusal(s3.send(refused as PutBucketAclCommand)), '400 AccessControlListNotSupported')
  }
})

configuration('versioning is enabled and cannot be suspended', async ({ s3 }) => {
  const put = (Status: 'Enabled' | 'Suspended', bucket = Bucket) =>
    refusal(s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } })))
  assert.is(await put('Enabled'), 'none')
  assert.is(await put('Suspended'), '409 InvalidBucketState')
  assert.is(await put('Enabled', 'none.configured'), '404 NoSuchBucket')
  assert.is(await put('Enabled', 'master^.configured'), '405 MethodNotAllowed')
})

configuration('the owner of a bucket owns all objects, and that cannot be changed', async ({ s3 }) => {
  const get = (bucket: string) => s3.send(new GetBucketOwnershipControlsCommand({ Bucket: bucket }))
  assert.equal((await get(Bucket)).OwnershipControls, { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] })
  assert.is(await refusal(get('none.configured')), '404 NoSuchBucket')
  const put = (ownership: readonly string[], bucket = Bucket) => {
    const Rules = ownership.map((each) => ({ ObjectOwnership: each as ObjectOwnership }))
    return refusal(s3.send(new PutBucketOwnershipControlsCommand({ Bucket: bucket, OwnershipControls: { Rules } })))
  }
  assert.is(await put(['BucketOwnerEnforced']), 'none')
  assert.is(await put(['ObjectWriter']), '501 NotImplemented')
  for (const malformed of [[], ['nobody'], ['BucketOwnerEnforced', 'BucketOwnerEnforced']]) {
    assert.is(await put(malformed), '400 MalformedXML')
  }
  assert.is(await put(['BucketOwnerEnforced'], 'none.configured'), '404 NoSuchBucket')
  assert.is(await put(['BucketOwnerEnforced'], 'master^.configured'), '405 MethodNotAllowed')
})

configuration('an object has no tags, a missing one is an error', async ({ s3 }) => {
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key: 'tagged', Body: 'x' }))
  assert.equal((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet, [])
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'tagged' }))
  assert.is(await refusal(s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))), '404 NoSuchKey')
  assert.is(await refusal(s3.send(new GetObjectAclCommand({ Bucket, Key: 'tagged' }))), '404 NoSuchKey')
  const versioned = new GetObjectTaggingCommand({ Bucket, Key: 'tagged', VersionId })
  assert.is((await s3.send(versioned)).VersionId, VersionId)
})

configuration('a caller who may not see a bucket learns nothing about it', async ({ guest }) => {
  assert.is(await refusal(guest.send(new GetBucketAclCommand({ Bucket }))), '403 AccessDenied')
  assert.is(await refusal(guest.send(new GetBucketVersioningCommand({ Bucket }))), '403 AccessDenied')
  assert.is(await refusal(guest.send(new PutBucketAclCommand({ Bucket, ACL: 'private' }))), '403 AccessDenied')
  assert.is(await refusal(guest.send(new GetObjectTaggingCommand({ Bucket, Key }))), '403 AccessDenied')
})

configuration.run()
