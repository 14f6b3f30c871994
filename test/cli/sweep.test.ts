import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { runProgram, startListening } from '../support/program.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'

const test = suite('--sweep-uploads')

test('deletes unfinished uploads with the rights of a token', async () => {
  const pfs = createMemoryPfs({ rootToken: 'root', repos: { images: { master: {} } } })
  const served = await servePfs(pfs, '127.0.0.1:0')
  const gateway = await startGateway({ pfs, authConfig: { mode: 'pachyderm' } })
  const s3 = s3Client(gateway, tokenCredentials('root'))
  await s3.send(new CreateMultipartUploadCommand({ Bucket: 'images', Key: 'abandoned' }))

  const young = await startListening(['--pachd', served.address, '--sweep-uploads', '7d'], { PACH_TOKEN: 'root' })
  young.child.kill('SIGTERM')
  assert.is((await young.ended).code, 0)
  assert.is((await s3.send(new ListMultipartUploadsCommand({ Bucket: 'images' }))).Uploads?.length, 1)

  const old = await startListening(['--pachd', served.address, '--sweep-uploads', '0s'], { PACH_TOKEN: 'root' })
  await old.says(/Swept 1 unfinished uploads, 1 files in all\./)
  old.child.kill('SIGTERM')
  assert.is((await old.ended).code, 0)
  assert.is((await s3.send(new ListMultipartUploadsCommand({ Bucket: 'images' }))).Uploads, undefined)

  s3.destroy()
  await gateway.close()
  await served.close({ force: true })
})

test('a sweep that PFS refuses prints an error, and the gateway continues', async () => {
  const gateway = await startListening(['--memory', '--root-token', 'root', '--sweep-uploads', '1h'], {
    PACH_TOKEN: 'wrong',
  })
  await gateway.says(/error: old uploads were not swept: .*corrupted or has expired/)
  assert.is((await fetch(gateway.endpoint)).status, 403)
  gateway.child.kill('SIGTERM')
  assert.is((await gateway.ended).code, 0)
})

for (const age of ['7', 'd', '-1d', '7 days', '1w']) {
  test(`${JSON.stringify(age)} is not an age`, async () => {
    const { code, stderr } = await runProgram([`--sweep-uploads=${age}`])
    assert.is(code, 1)
    assert.is(stderr, `pfs-s3-gateway: --sweep-uploads takes an age such as 7d, not ${JSON.stringify(age)}\n`)
  })
}

test.run()
