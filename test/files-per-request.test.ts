import { randomBytes } from 'node:crypto'
import { Session } from 'node:inspector/promises'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GuardedGateway, startGuardedGateway } from './support/gateway.js'
import { s3Client, tokenCredentials } from './support/s3-client.js'

/**
 * Most files of the gateway that one signed request may run through: what a newcomer opens to follow it. PFS in memory
 * and the gRPC client are not counted, nor files of which only the top level ran.
 */
const ceilings = { GetObject: 64, PutObject: 54, 'PutObject of 20 MB': 63, ListObjectsV2: 62 }

const bucket = { Bucket: 'master.images' }
const small = Buffer.from('small')
const large = randomBytes(20 * 1024 * 1024)

const requests: Record<keyof typeof ceilings, (client: S3Client) => Promise<unknown>> = {
  GetObject: async (client) => {
    const { Body } = await client.send(new GetObjectCommand({ ...bucket, Key: 'here' }))
    return Body?.transformToByteArray()
  },
  PutObject: (client) => client.send(new PutObjectCommand({ ...bucket, Key: 'small', Body: small })),
  'PutObject of 20 MB': (client) => client.send(new PutObjectCommand({ ...bucket, Key: 'large', Body: large })),
  ListObjectsV2: (client) => client.send(new ListObjectsV2Command(bucket)),
}

interface Context {
  readonly gateway: GuardedGateway
  readonly client: S3Client
  readonly session: Session
}

const test = suite<Context>('files per request')

test.before(async (context) => {
  const gateway = await startGuardedGateway()
  const client = s3Client(gateway, tokenCredentials(gateway.rootToken))
  await client.send(new CreateBucketCommand(bucket))
  await client.send(new PutObjectCommand({ ...bucket, Key: 'here', Body: small }))
  await gateway.flush()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  Object.assign(context, { gateway, client, session })
})

test.after(async ({ gateway, session }) => {
  session.disconnect()
  await gateway.close()
})

for (const [name, ceiling] of Object.entries(ceilings) as [keyof typeof ceilings, number][]) {
  test(`${name} runs through at most ${ceiling} files`, async ({ gateway, client, session }) => {
    // Records of earlier requests are written behind; they must not be counted here.
    await gateway.flush()
    await session.post('Profiler.takePreciseCoverage')
    await requests[name](client)
    const { result } = await session.post('Profiler.takePreciseCoverage')
    const files = result
      .filter(({ functions }) =>
        functions.some((each) => each.functionName !== '' && each.ranges.some((range) => range.count > 0)),
      )
      .map(({ url }) => url.split('/.compiled/lib/')[1] ?? '')
      .filter((path) => path !== '' && !path.startsWith('testing/') && !path.startsWith('pfs/grpc/'))
      .sort()
    assert.ok(files.length >= 10, `only ${files.length} files are seen`)
    assert.ok(files.length <= ceiling, `${files.length} files: ${files.join(', ')}`)
  })
}

test.run()
