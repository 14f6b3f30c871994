import { createHash } from 'node:crypto'
import { GetObjectCommand, GetObjectTaggingCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRepoAndBranch } from '../support/branch.js'
import { type GuardedGateway, startGateway, startGuardedGateway } from '../support/gateway.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'
import { signV4 } from '../support/sign.js'
import { wires } from '../support/test-pfs.js'
import { exchange, outcomeOf } from '../support/wire.js'

const Bucket = 'master.images'
const md5OfHello = `"${createHash('md5').update('hello').digest('hex')}"`
const repo = { project: 'default', name: 'images', type: 'user' } as const

for (const overWire of wires) {
  const posts = suite<{ gateway: GuardedGateway }>(`forms ${overWire ? 'over the wire' : 'in memory'}`)

  posts.before(async (context) => {
    context.gateway = await startGuardedGateway({ overWire })
    await createRepoAndBranch(context.gateway.pfs, { repo, name: 'master' })
  })

  posts.after(({ gateway }) => gateway.close())

  /** Posts a form that the SDK has signed for these fields; the answer, not followed. */
  async function post(
    gateway: GuardedGateway,
    Key: string,
    content: string,
    fields: Record<string, string> = {},
    maxBytes = 10,
  ) {
    const s3 = s3Client(gateway, tokenCredentials(gateway.writerToken))
    const signed = await createPresignedPost(s3, {
      Bucket,
      Key,
      Fields: fields,
      Conditions: [['content-length-range', 1, maxBytes]],
    })
    s3.destroy()
    const form = new FormData()
    for (const [name, value] of Object.entries(signed.fields)) form.append(name, value)
    form.append('file', new Blob([content], { type: 'text/plain' }), 'from my disk.txt')
    const answer = await fetch(signed.url, { method: 'POST', body: form, redirect: 'manual' })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }

  /** The content of a key; undefined if it is missing. */
  async function read(gateway: GuardedGateway, Key: string): Promise<string | undefined> {
    const s3 = s3Client(gateway, tokenCredentials(gateway.writerToken))
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
      return await Body?.transformToString()
    } catch {
      return undefined
    } finally {
      s3.destroy()
    }
  }

  posts('a file that violates the policy is refused, and nothing is stored', async ({ gateway }) => {
    const tooLarge = await post(gateway, 'large', 'eleven byte')
    assert.is(tooLarge.status, 400)
    assert.match(tooLarge.text, '<Code>EntityTooLarge</Code>')
    const tooSmall = await post(gateway, 'small', '')
    assert.is(tooSmall.status, 400)
    assert.match(tooSmall.text, '<Code>EntityTooSmall</Code>')
    assert.equal([await read(gateway, 'large'), await read(gateway, 'small')], [undefined, undefined])
  })

  posts('an error names the condition that fails, with its quotes as they are', async ({ gateway }) => {
    const s3 = s3Client(gateway, tokenCredentials(gateway.writerToken))
    const signed = await createPresignedPost(s3, { Bucket, Key: 'signed', Conditions: [{ acl: 'private' }] })
    s3.destroy()
    const form = new FormData()
    for (const [name, value] of Object.entries(signed.fields)) form.append(name, value)
    form.append('acl', 'public & more')
    form.append('file', 'hello')
    const answer = await fetch(signed.url, { method: 'POST', body: form })
    assert.match(
      await answer.text(),
      '<Message>Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]<',
    )
  })

  posts('the status is 204 unless the form asks for 200 or 201', async ({ gateway }) => {
    for (const [asked, status] of [
      [undefined, 204],
      ['200', 200],
      ['204', 204],
      ['404', 204],
    ] as const) {
      const key = `status/${asked}`
      const answer = await post(gateway, key, 'hello', asked === undefined ? {} : { success_action_status: asked })
      assert.equal([answer.status, answer.text], [status, ''])
      assert.is(answer.headers.get('etag'), md5OfHello)
      assert.is(answer.headers.get('location'), `${gateway.endpoint}/${Bucket}/${key}`)
      assert.is(await read(gateway, key), 'hello')
    }
  })

  posts('201 comes with a document that contains the location', async ({ gateway }) => {
    const answer = await post(gateway, 'dir/a b&c.txt', 'hello', { success_action_status: '201' })
    assert.is(answer.status, 201)
    assert.match(
      answer.text,
      `<Location>${gateway.endpoint}/${Bucket}/dir/a%20b%26c.txt</Location><Bucket>${Bucket}</Bucket>`,
    )
    assert.match(answer.text, '<PostResponse><Location>')
    assert.match(answer.text, '<Key>dir/a b&amp;c.txt</Key>')
    assert.is(await read(gateway, 'dir/a b&c.txt'), 'hello')
  })

  posts('a POST of anything but a form to a bucket is refused with the reason, as on S3', async ({ gateway }) => {
    for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'text/plain' }]) {
      const answer = await fetch(`${gateway.endpoint}/${Bucket}`, { method: 'POST', body: '{}', headers })
      assert.is(answer.status, 412)
      assert.match(
        await answer.text(),
        '<Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message><Condition>Bucket POST must be of the enclosure-type multipart/form-data</Condition>',
      )
    }
  })

  posts('a form that is posted to the URL of an object has the wrong method, as on S3', async ({ gateway }) => {
    const form = new FormData()
    form.append('key', 'a.txt')
    form.append('file', new Blob(['hello']))
    for (const [target, code] of [
      ['a.txt', 'MethodNotAllowed'],
      ['a.txt?uploads', 'AccessDenied'],
    ] as const) {
      const answer = await fetch(`${gateway.endpoint}/${Bucket}/${target}`, { method: 'POST', body: form })
      assert.match(await answer.text(), `<Code>${code}</Code>`)
      assert.is(answer.headers.get('allow'), code === 'MethodNotAllowed' ? 'GET, HEAD, PUT, DELETE' : null)
    }
    assert.is(await read(gateway, 'a.txt'), undefined)
  })

  posts('a form does not change the action that the query of a bucket selects', async ({ gateway }) => {
    const form = new FormData()
    form.append('key', 'a.txt')
    form.append('file', new Blob(['hello']))
    const sent = new Response(form)
    const body = Buffer.from(await sent.arrayBuffer())
    const type = sent.headers.get('content-type') ?? ''
    const key = { accessKeyId: gateway.writerToken, secretAccessKey: gateway.writerToken }
    for (const [target, code] of [
      [`/${Bucket}?delete`, '400 MalformedXML'],
      [`/${Bucket}?uploads`, '501 NotImplemented'],
      [`/${Bucket}?acl`, '501 NotImplemented'],
    ] as const) {
      const request = signV4({ method: 'POST', target, body, headers: { 'content-type': type } }, { key })
      assert.is(outcomeOf(await exchange(gateway.port, request)), code)
      const unsigned = await fetch(gateway.endpoint + target, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      })
      assert.match(await unsigned.text(), '<Code>AccessDenied</Code>')
    }
    assert.is(await read(gateway, 'a.txt'), undefined)
  })

  posts('the file name is inserted into the key where the form asks for it', async ({ gateway }) => {
    const answer = await post(gateway, `in/\${filename}`, 'hello')
    assert.is(answer.status, 204)
    assert.is(await read(gateway, 'in/from my disk.txt'), 'hello')
  })

  posts('unsupported fields are refused as for PUT, and nothing is stored', async ({ gateway }) => {
    for (const [name, value, expected] of [
      ['x-amz-server-side-encryption', 'AES256', '204 undefined'],
      ['x-amz-server-side-encryption', 'aws:kms', '400 InvalidEncryptionAlgorithmError'],
      ['acl', 'private', '204 undefined'],
      ['acl', 'public-read', '400 AccessControlListNotSupported'],
      ['x-amz-object-lock-mode', 'GOVERNANCE', '400 InvalidRequest'],
      ['tagging', '<Tagging><TagSet></TagSet></Tagging>', '204 undefined'],
      ['x-amz-storage-class', 'NONE', '400 InvalidStorageClass'],
      ['x-amz-storage-class', 'STANDARD', '204 undefined'],
    ] as const) {
      const key = `unsupported/${name}/${value.length}`
      const { status, text } = await post(gateway, key, 'hello', { [name]: value })
      assert.is(`${status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`, expected)
      assert.is(await read(gateway, key), status === 204 ? 'hello' : undefined)
    }
  })

  for (const content of ['hello', 'x'.repeat(1_500_000)]) {
    posts(`the fields of a form are kept with ${content.length} bytes, for any gateway`, async ({ gateway }) => {
      const Key = `described/${content.length}`
      const fields = {
        'Cache-Control': 'max-age=60',
        'Content-Disposition': 'attachment; filename="grün.bin"',
        'Content-Encoding': 'gzip',
        'Content-Type': 'application/x-thing',
        Expires: 'Tue, 01 Jan 2030 00:00:00 GMT',
        'x-amz-meta-camera': 'north',
        'X-Amz-Meta-Place': 'Zürich',
        'x-amz-storage-class': 'STANDARD_IA',
        tagging: '<Tagging><TagSet><Tag><Key>ü</Key><Value>a b</Value></Tag></TagSet></Tagging>',
      }
      const answer = await post(gateway, Key, content, fields, content.length)
      assert.is(answer.status, 204, answer.text)
      const authConfig = { mode: 'none', authToken: gateway.rootToken } as const
      const other = await startGateway({ pfs: gateway.pfs, authConfig })
      for (const each of [gateway, other]) {
        const s3 = s3Client(each, tokenCredentials(gateway.writerToken))
        const { Body, Metadata, $metadata, ...found } = await s3.send(new GetObjectCommand({ Bucket, Key }))
        assert.is((await Body?.transformToString())?.length, content.length)
        assert.equal(Metadata, { camera: 'north', place: `=?UTF-8?B?${Buffer.from('Zürich').toString('base64')}?=` })
        assert.equal(
          [found.CacheControl, found.ContentEncoding, found.ContentType, found.ExpiresString, found.TagCount],
          ['max-age=60', 'gzip', 'application/x-thing', 'Tue, 01 Jan 2030 00:00:00 GMT', 1],
        )
        // Node reads the bytes of a header as Latin-1.
        const disposition = Buffer.from(found.ContentDisposition ?? '', 'latin1').toString()
        assert.is(disposition, 'attachment; filename="grün.bin"')
        assert.equal(
          [found.ETag, found.VersionId],
          [answer.headers.get('etag'), answer.headers.get('x-amz-version-id')],
        )
        const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key }))
        assert.equal(TagSet, [{ Key: 'ü', Value: 'a b' }])
        const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
        assert.is(Contents?.[0]?.ETag, found.ETag)
        s3.destroy()
      }
      await other.close()
    })
  }

  posts('metadata and tags that S3 refuses are refused in a form, and nothing is stored', async ({ gateway }) => {
    const eleven = Array.from({ length: 11 }, (_, index) => `<Tag><Key>k${index}</Key><Value/></Tag>`).join('')
    for (const [name, value, expected] of [
      ['x-amz-meta-a', 'x'.repeat(2048), '400 MetadataTooLarge'],
      ['x-amz-meta-a b', 'x', '400 InvalidArgument'],
      ['Content-Type', 'a\u0000b', '400 InvalidArgument'],
      ['tagging', 'a=b', '400 MalformedXML'],
      ['tagging', '<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>', '400 MalformedXML'],
      ['tagging', `<Tagging><TagSet>${eleven}</TagSet></Tagging>`, '400 BadRequest'],
      ['tagging', '<Tagging><TagSet><Tag><Key>aws:a</Key><Value/></Tag></TagSet></Tagging>', '400 InvalidTag'],
    ] as const) {
      const { status, text } = await post(gateway, 'refused', 'hello', { [name]: value })
      assert.is(`${status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`, expected, `${name}: ${value.slice(0, 80)}`)
      assert.is(await read(gateway, 'refused'), undefined)
    }
  })

  posts('a redirect adds the stored object to the query of its URL', async ({ gateway }) => {
    const url = 'https://app.example.com/done?step=2'
    const answer = await post(gateway, 'redirected', 'hello', { success_action_redirect: url })
    assert.is(answer.status, 303)
    const location = new URL(answer.headers.get('location') ?? '')
    assert.is(location.origin + location.pathname, 'https://app.example.com/done')
    assert.equal(Object.fromEntries(location.searchParams), {
      step: '2',
      bucket: Bucket,
      key: 'redirected',
      etag: answer.headers.get('etag'),
    })
  })

  posts('an invalid redirect URL is ignored', async ({ gateway }) => {
    for (const url of ['nowhere', 'javascript:alert(1)']) {
      const answer = await post(gateway, 'not-redirected', 'hello', { success_action_redirect: url })
      assert.is(answer.status, 204)
      assert.is(answer.headers.get('location'), `${gateway.endpoint}/${Bucket}/not-redirected`)
    }
  })

  posts('a missing field of a form with a policy is named, whatever the policy says', async ({ gateway }) => {
    // Expired, and without a condition for the key.
    const policy = Buffer.from('{"expiration":"2020-01-01T00:00:00Z","conditions":[]}').toString('base64')
    for (const [fields, missing] of [
      [{ policy, AWSAccessKeyId: 'root-token' }, 'signature'],
      [{ policy, signature: 'AAAA' }, 'AWSAccessKeyId'],
      [{ policy, 'x-amz-algorithm': 'AWS4-HMAC-SHA256', 'x-amz-credential': 'root-token' }, 'x-amz-date'],
    ] as const) {
      const form = new FormData()
      for (const [name, value] of Object.entries({ key: 'k', ...fields })) form.append(name, value)
      form.append('file', new Blob(['hello']))
      const answer = await fetch(`${gateway.endpoint}/${Bucket}`, { method: 'POST', body: form })
      const text = await answer.text()
      assert.equal([answer.status, /<Code>(.*)<\/Code>/.exec(text)?.[1]], [400, 'InvalidArgument'])
      assert.match(text, `<ArgumentName>${missing}</ArgumentName>`)
    }
  })

  posts("behind a trusted proxy, the location uses the proxy's host", async ({ gateway }) => {
    const authConfig = { mode: 'none', authToken: gateway.rootToken } as const
    const proxied = await startGateway({ pfs: gateway.pfs, authConfig, options: { trustForwardedHost: true } })
    const form = new FormData()
    for (const [name, value] of [
      ['key', 'a b'],
      ['file', 'hello'],
    ] as const)
      form.append(name, value)
    const headers = { 'x-forwarded-host': 's3.example.com', 'x-forwarded-proto': 'https' }
    const of = async (endpoint: string) =>
      (await fetch(`${endpoint}/${Bucket}`, { method: 'POST', body: form, headers })).headers.get('location')
    assert.is(await of(proxied.endpoint), `https://s3.example.com/${Bucket}/a%20b`)
    await proxied.close()
  })

  posts.run()
}
