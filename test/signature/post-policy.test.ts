import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limitedLength } from '../../lib/signature/payload.js'
import { authenticatePost } from '../../lib/signature/post-policy.js'
import { codeOf } from '../support/s3-error.js'
import { credentialsOf, exampleCredentials, exampleKey, pieces, readAll } from './request.js'
import { scope, signedAt, timestamp } from './signer.js'

/** Forms of botocore, the AWS SDK and minio are in botocore.test.ts and signers.test.ts. */
const test = suite('POST policies')

const expiration = '2026-02-03T05:00:00Z'
const bucketAndKey = [{ bucket: 'bucket' }, ['starts-with', '$key', 'up/']]

function encode(policy: unknown): string {
  return Buffer.from(typeof policy === 'string' ? policy : JSON.stringify(policy)).toString('base64')
}

function signV2(policy: string): Record<string, string> {
  const signature = createHmac('sha1', exampleKey.secretAccessKey).update(policy).digest('base64')
  return { policy, awsaccesskeyid: exampleKey.accessKeyId, signature }
}

function signV4(policy: string): Record<string, string> {
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${exampleKey.secretAccessKey}`)
  return {
    policy,
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${exampleKey.accessKeyId}/${scope}`,
    'x-amz-date': timestamp,
    'x-amz-signature': hmac(key, policy).toString('hex'),
  }
}

const v4Conditions = [
  { 'x-amz-algorithm': 'AWS4-HMAC-SHA256' },
  ['starts-with', '$x-amz-credential', ''],
  { 'x-amz-date': timestamp },
]

function post(
  fields: Record<string, string>,
  { bucket = 'bucket', open = false, now = signedAt, region = undefined as string | undefined } = {},
) {
  const credentials = open ? credentialsOf({}, true) : exampleCredentials
  return authenticatePost(new Map(Object.entries(fields)), bucket, { credentials, now: () => now, region })
}

/** Posts a form with the key up/name and other fields, under a policy signed by V2. */
function under(
  conditions: readonly unknown[],
  fields: Record<string, string> = {},
  target?: Parameters<typeof post>[1],
) {
  return post({ key: 'up/name', ...signV2(encode({ expiration, conditions })), ...fields }, target)
}

async function messageOf(outcome: Promise<unknown>): Promise<string> {
  return outcome.then(
    () => 'none',
    (error: Error) => error.message,
  )
}

test('V2 and V4', async () => {
  assert.is((await under(bucketAndKey)).identity.accessKeyId, exampleKey.accessKeyId)
  const policy = encode({ expiration, conditions: [...bucketAndKey, ...v4Conditions] })
  assert.is((await post({ key: 'up/name', ...signV4(policy) })).identity.accessKeyId, exampleKey.accessKeyId)
})

test('a form without a policy is anonymous', async () => {
  assert.is(await codeOf(post({ key: 'up/name' })), 'AccessDenied')
  assert.equal(await post({ key: 'up/name' }, { open: true }), { identity: {}, limits: {} })
})

test('a policy without a signature, a signature without a policy', async () => {
  const { policy = '', ...signed } = signV2(encode({ expiration, conditions: bucketAndKey }))
  assert.is(await codeOf(post({ key: 'up/name', policy })), 'InvalidArgument')
  assert.match(await messageOf(post({ key: 'up/name', ...signed })), "must contain a field named 'policy'")
  assert.match(await messageOf(post({ key: 'up/name', policy: '', ...signed })), "must contain a field named 'policy'")
})

test('a wrong signature, an unknown key, a changed policy', async () => {
  const fields = { key: 'up/name', ...signV2(encode({ expiration, conditions: bucketAndKey })) }
  const other = encode({ expiration, conditions: [...bucketAndKey, ['content-length-range', 0, 1]] })
  assert.is(await codeOf(post({ ...fields, signature: 'AAAA' })), 'SignatureDoesNotMatch')
  assert.is(await codeOf(post({ ...fields, policy: other })), 'SignatureDoesNotMatch')
  assert.is(await codeOf(post({ ...fields, awsaccesskeyid: 'other' })), 'InvalidAccessKeyId')
})

test('base64 with characters that decode differently but sign alike', async () => {
  const policy = encode({ expiration, conditions: bucketAndKey })
  const fields = { key: 'up/name', ...signV2(policy) }
  // Cut to one byte it is the character that was signed.
  const lookalike = String.fromCharCode(policy.charCodeAt(0) + 0x100)
  assert.is.not(await codeOf(post({ ...fields, policy: lookalike + policy.slice(1) })), 'none')
  const end = `${policy}${String.fromCharCode(0x100)}`
  assert.is(await codeOf(post({ ...fields, policy: end })), 'InvalidRequest')
})

test('two mechanisms, or an incomplete V4 form', async () => {
  const policy = encode({ expiration, conditions: [...bucketAndKey, ...v4Conditions] })
  const fields = { key: 'up/name', ...signV4(policy) }
  assert.is(await codeOf(post({ ...fields, ...signV2(policy) })), 'InvalidArgument')
  for (const name of Object.keys(signV4(policy))) {
    const without = new Map(Object.entries(fields))
    without.delete(name)
    assert.is.not(await codeOf(post(Object.fromEntries(without))), 'none', name)
  }
  assert.match(await messageOf(post(fields, { region: 'eu-west-1' })), "the region 'us-east-1' is wrong")
})

test('the scope, date and algorithm of a V4 form', async () => {
  const policy = encode({
    expiration,
    conditions: [
      ...bucketAndKey,
      ...v4Conditions.map((one) => [
        'starts-with',
        `$${Array.isArray(one) ? 'x-amz-credential' : Object.keys(one)[0]}`,
        '',
      ]),
    ],
  })
  const changes = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA1',
    'x-amz-date': '2026-02-03',
    'x-amz-credential': `${exampleKey.accessKeyId}/20260204/us-east-1/s3/aws4_request`,
  }
  for (const [name, value] of Object.entries(changes)) {
    assert.is(await codeOf(post({ key: 'up/name', ...signV4(policy), [name]: value })), 'InvalidArgument', name)
  }
})

test('a policy that has expired, or has no expiration', async () => {
  assert.is(
    await messageOf(under(bucketAndKey, {}, { now: new Date('2026-02-03T05:00:00.001Z') })),
    'Invalid according to Policy: Policy expired.',
  )
  assert.is(await codeOf(under(bucketAndKey, {}, { now: new Date(expiration) })), 'none')
  for (const value of [
    undefined,
    null,
    '',
    'never',
    0,
    '2026-02-03',
    '2026-13-03T05:00:00Z',
    '2026-02-03T05:00:00',
    ['2026-02-03T05:00:00Z'],
  ]) {
    const policy = encode({ expiration: value, conditions: bucketAndKey })
    assert.is(await codeOf(post({ key: 'up/name', ...signV2(policy) })), 'InvalidPolicyDocument', String(value))
  }
})

const documents = [
  ' ',
  '{',
  'null',
  '[]',
  '"text"',
  '{}',
  `{"expiration":"${expiration}"}`,
  `{"expiration":"${expiration}","conditions":{}}`,
  '['.repeat(10_000),
]

for (const document of documents) {
  test(`a policy with the content ${document.slice(0, 70)}`, async () => {
    const fields = { key: 'up/name', ...signV2(encode(document)) }
    assert.is(await codeOf(post(fields)), 'InvalidPolicyDocument')
    assert.is(await codeOf(post(fields, { open: true })), 'InvalidPolicyDocument')
  })
}

const conditions: Record<string, unknown> = {
  'a number': 1,
  null: null,
  'an empty object': {},
  'an object of two': { acl: 'a', key: 'b' },
  'an object with a number': { acl: 1 },
  'an empty list': [],
  'an unknown operation': ['ends-with', '$key', 'x'],
  'an operation that is a number': [1, '$key', 'x'],
  'a field without $': ['eq', 'key', 'x'],
  'a value that is not a string': ['starts-with', '$key', null],
  'too few': ['eq', '$key'],
  'too many': ['eq', '$key', 'a', 'b'],
  'a range of words': ['content-length-range', 'a', 'b'],
  'a range below nothing': ['content-length-range', -1, 5],
  'a range of fractions': ['content-length-range', 0.5, 5],
}

for (const [name, condition] of Object.entries(conditions)) {
  test(`a condition that is ${name}`, async () => {
    assert.is(await codeOf(under([...bucketAndKey, condition])), 'InvalidPolicyDocument')
  })
}

test('every condition is enforced', async () => {
  const refused: [readonly unknown[], Record<string, string>, string][] = [
    [[['eq', '$key', 'up/other']], {}, 'Policy Condition failed: ["eq", "$key", "up/other"]'],
    [[['starts-with', '$key', 'down/']], {}, 'Policy Condition failed: ["starts-with", "$key", "down/"]'],
    [[{ acl: 'private' }], { acl: 'public-read' }, 'Policy Condition failed: ["eq", "$acl", "private"]'],
    [[{ acl: 'private' }], {}, 'Policy Condition failed: ["eq", "$acl", "private"]'],
    [[['starts-with', '$acl', '']], {}, 'Policy Condition failed: ["starts-with", "$acl", ""]'],
    [[{ acl: 'private' }, { acl: 'other' }], { acl: 'private' }, 'Policy Condition failed: ["eq", "$acl", "other"]'],
    [
      [['starts-with', '$Content-Type', 'image/']],
      { 'content-type': 'image/png,text/html' },
      'Policy Condition failed: ["starts-with", "$content-type", "image/"]',
    ],
    [[], { acl: 'private' }, 'Extra input fields: acl'],
    [[], { __proto__x: '1', tagging: '' }, 'Extra input fields: __proto__x, tagging'],
    [[], { 'x-amz-meta-a': '1' }, 'Extra input fields: x-amz-meta-a'],
    [[], { bucket: 'other' }, 'Extra input fields: bucket'],
  ]
  for (const [more, fields, reason] of refused) {
    assert.is(await messageOf(under([...bucketAndKey, ...more], fields)), `Invalid according to Policy: ${reason}`)
    assert.is(await codeOf(under([...bucketAndKey, ...more], fields)), 'AccessDenied')
  }
  assert.is(await codeOf(under(bucketAndKey, { key: ' up/name' })), 'AccessDenied')
})

test('the allowed values of conditions', async () => {
  const allowed: [readonly unknown[], Record<string, string>][] = [
    [[{ ACL: 'private' }], { acl: 'private' }],
    [[['EQ', '$Acl', 'private']], { acl: 'private' }],
    [[['starts-with', '$acl', '']], { acl: 'anything' }],
    [[['starts-with', '$Content-Type', 'image/']], { 'content-type': 'image/png, image/jpeg' }],
    [[], { 'x-ignore-me': '1' }],
    [[], { bucket: 'bucket' }],
  ]
  for (const [more, fields] of allowed) assert.is(await codeOf(under([...bucketAndKey, ...more], fields)), 'none')
})

test('a policy must cover the bucket and the key', async () => {
  assert.is(await messageOf(under(bucketAndKey.slice(1))), 'Invalid according to Policy: Extra input fields: bucket')
  assert.is(await messageOf(under(bucketAndKey.slice(0, 1))), 'Invalid according to Policy: Extra input fields: key')
  assert.is(await codeOf(under(bucketAndKey, {}, { bucket: 'elsewhere' })), 'AccessDenied')
})

test('the allowed sizes', async () => {
  assert.equal((await under(bucketAndKey)).limits, {})
  const { limits } = await under([
    ...bucketAndKey,
    ['content-length-range', 1, 100],
    ['content-length-range', '3', '200'],
  ])
  assert.equal(limits, { minLength: 3, maxLength: 100 })
})

test('a policy is enforced for anonymous callers, too', async () => {
  const open = { open: true }
  assert.equal((await under([...bucketAndKey, ['content-length-range', 0, 5]], {}, open)).limits, {
    minLength: 0,
    maxLength: 5,
  })
  assert.is(await codeOf(under(bucketAndKey, { key: 'elsewhere' }, open)), 'AccessDenied')
})

test('a policy that is too long', async () => {
  assert.is(await codeOf(under([...bucketAndKey, { 'x-ignore-a': 'a'.repeat(20_000) }])), 'InvalidPolicyDocument')
})

test('content within and outside the limits', async () => {
  const limited = (length: number) =>
    readAll(limitedLength(pieces(Buffer.alloc(length), 2), { minLength: 3, maxLength: 5 }))
  const codes = await Promise.all([2, 3, 5, 6].map((length) => codeOf(limited(length))))
  assert.equal(codes, ['EntityTooSmall', 'none', 'none', 'EntityTooLarge'])
})

test.run()
