import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type {
  AuthConfig,
  CommitMessage,
  ErrorContext,
  PfsCallMessage,
  RequestMessage,
  ResponseLog,
} from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { type Key, presignV4, signV4 } from '../support/sign.js'
import { bytesOf, exchange, openWire, type RawRequest } from '../support/wire.js'

const test = suite('the record of a request')

interface Watched extends Gateway {
  readonly errors: readonly (ErrorContext | undefined)[]
  /** Sends a request and gives its record. */
  logOf(request: RawRequest): Promise<ResponseLog>
  /** The record of the next request that ends. */
  next(): Promise<ResponseLog>
}

async function startWatched(pfs: PachydermApi, authConfig: AuthConfig = { mode: 'none' }): Promise<Watched> {
  const logs: ResponseLog[] = []
  const errors: (ErrorContext | undefined)[] = []
  let wake = (): void => undefined
  const gateway = await startGateway({
    pfs,
    authConfig,
    options: {
      onResponse: (log) => {
        logs.push(log)
        wake()
      },
      onError: (_, context) => errors.push(context),
    },
  })
  const next = async (): Promise<ResponseLog> => {
    for (;;) {
      const log = logs.shift()
      if (log !== undefined) return log
      const more = deferred()
      wake = more.resolve
      await more.promise
    }
  }
  return {
    ...gateway,
    errors,
    next,
    async logOf(request) {
      await exchange(gateway.port, request)
      return next()
    },
  }
}

const host = { host: 'h', 'user-agent': 'tester/1.0' }

async function startWithObject(content: string, authConfig?: AuthConfig): Promise<Watched> {
  const gateway = await startWatched(createMemoryPfs(), authConfig)
  await gateway.logOf({ method: 'PUT', target: '/images', headers: host })
  const headers = { ...host, 'content-length': String(content.length) }
  await gateway.logOf({ method: 'PUT', target: '/images/a', body: content, headers })
  return gateway
}

test('of a read: request, caller and costs', async () => {
  const gateway = await startWithObject('content')
  const before = Date.now()
  const log = await gateway.logOf({ target: '/images/a?x-id=GetObject', headers: host })
  await gateway.close()
  const {
    time,
    requestId,
    milliseconds,
    firstByteMilliseconds = -1,
    pfsMilliseconds,
    pfsCalls,
    versionId,
    ...rest
  } = log
  assert.equal(rest, {
    method: 'GET',
    target: '/images/a?x-id=GetObject',
    action: 'GetObject',
    bucket: 'images',
    key: 'a',
    status: 200,
    bytesIn: 0,
    bytesOut: 7,
    remoteAddress: '127.0.0.1',
    userAgent: 'tester/1.0',
  })
  assert.match(requestId, /^[0-9A-F]{16}$/)
  assert.match(versionId ?? '', /^[0-9a-f]{32}$/)
  assert.ok(time.getTime() >= before)
  assert.ok(pfsCalls > 0)
  assert.ok(pfsMilliseconds > 0 && pfsMilliseconds <= milliseconds, `${pfsMilliseconds} of ${milliseconds}`)
  assert.ok(firstByteMilliseconds > 0 && firstByteMilliseconds <= milliseconds)
})

for (const [request, expected] of [
  [{ method: 'HEAD', target: '/images/a' }, ['HeadObject', 200, undefined, 0]],
  [{ target: '/images/a', headers: { range: 'bytes=1-3' } }, ['GetObject', 206, undefined, 3]],
  [{ target: '/images/a', headers: { 'if-none-match': '*' } }, ['GetObject', 304, undefined, 0]],
  [{ method: 'DELETE', target: '/images/none' }, ['DeleteObject', 204, undefined, 0]],
  [{ target: '/none/a' }, ['GetObject', 404, 'NoSuchBucket']],
  [{ target: '/' }, ['ListBuckets', 200, undefined]],
  [{ target: '/images?lifecycle', method: 'PUT' }, ['PutBucketLifecycleConfiguration', 501, 'NotImplemented']],
  [{ target: '/images/a?acl&torrent' }, [undefined, 400, 'InvalidArgument']],
  [{ target: '/%zz' }, [undefined, 400, 'InvalidURI']],
] as const) {
  test(`${'method' in request ? request.method : 'GET'} ${request.target}: ${expected.slice(0, 3).join(' ')}`, async () => {
    const gateway = await startWithObject('content')
    const headers = { ...host, ...('headers' in request && request.headers) }
    const { action, status, code, bytesOut } = await gateway.logOf({ ...request, headers })
    await gateway.close()
    assert.equal([action, status, code, bytesOut].slice(0, expected.length), [...expected])
  })
}

test('of a write: received bytes and PFS calls', async () => {
  const gateway = await startWithObject('content')
  const headers = { ...host, 'content-length': '5' }
  const log = await gateway.logOf({ method: 'PUT', target: '/images/b', body: 'bytes', headers })
  await gateway.close()
  assert.equal([log.action, log.bytesIn, log.bytesOut, log.status], ['PutObject', 5, 0, 200])
  assert.match(log.versionId ?? '', /^[0-9a-f]{32}$/)
  assert.ok(log.pfsCalls > 1)
  assert.ok(log.pfsMilliseconds > 0)
})

test('of a large object: all bytes of a stream, or those sent before the client left', async () => {
  const gateway = await startWithObject('x'.repeat(8 * 1024 * 1024))
  const whole = await gateway.logOf({ target: '/images/a', headers: host })
  assert.equal([whole.status, whole.bytesOut], [200, 8 * 1024 * 1024])
  const wire = await openWire(gateway.port)
  wire.send(bytesOf({ target: '/images/a', headers: host }))
  await wire.response(true)
  wire.close()
  const cut = await gateway.next()
  await gateway.close()
  assert.equal([cut.status, cut.action], [499, 'GetObject'])
  assert.ok(cut.bytesOut < 8 * 1024 * 1024)
})

test('of a form: PostObject, with the key of the form', async () => {
  const gateway = await startWithObject('content')
  const form = new FormData()
  form.set('key', 'from-a-form')
  form.set('file', new Blob(['abc']))
  await (await fetch(`${gateway.endpoint}/images`, { method: 'POST', body: form })).text()
  const { action, key, status } = await gateway.next()
  await gateway.close()
  assert.equal([action, key, status], ['PostObject', 'from-a-form', 204])
})

test('names the Pachyderm user, or the access key in mode keys, never a token', async () => {
  const pfs = createMemoryPfs({ rootToken: 'root-token' })
  const ofToken: Key = { accessKeyId: 'root-token', secretAccessKey: 'root-token' }
  const byToken = await startWatched(pfs, { mode: 'pachyderm' })
  const header = await byToken.logOf(signV4({ target: '/', headers: host }, { key: ofToken }))
  const query = await byToken.logOf(presignV4({ target: '/', headers: host }, { key: ofToken }))
  const wrong = { ...ofToken, secretAccessKey: 'another' }
  const refused = await byToken.logOf(signV4({ target: '/', headers: host }, { key: wrong }))
  await byToken.close()
  const credentialFor = () => ({ secretAccessKey: 'secret-of-ak', authToken: 'root-token' })
  const byKey = await startWatched(pfs, { mode: 'keys', credentialFor })
  const key = { accessKeyId: 'AK', secretAccessKey: 'secret-of-ak' }
  const ofKey = await byKey.logOf(signV4({ target: '/', headers: host }, { key }))
  await byKey.close()
  assert.equal(
    [header, query, refused, ofKey].map(({ requester, code, action }) => [requester, code, action]),
    [
      ['pach:root', undefined, 'ListBuckets'],
      ['pach:root', undefined, 'ListBuckets'],
      [undefined, 'SignatureDoesNotMatch', 'ListBuckets'],
      ['AK', undefined, 'ListBuckets'],
    ],
  )
  assert.not.match(JSON.stringify([header, query, refused, ofKey]), /root-token|secret-of-ak/)
})

test('onError: with the action, the status and the code', async () => {
  const pfs = createMemoryPfs()
  pfs.listRepo = () => {
    throw new Error('no list')
  }
  const gateway = await startWatched(pfs)
  await gateway.logOf({ target: '/', headers: host })
  await gateway.close()
  assert.equal(
    gateway.errors.map((context) => [context?.action, context?.status, context?.code, context?.target]),
    [['ListBuckets', 500, 'InternalError', '/']],
  )
})

test('diagnostics channels: one message for start and end of a request and of its calls, and the commits', async () => {
  const seen: { readonly channel: string; readonly message: unknown }[] = []
  const listen = (message: unknown, name: string | symbol): void => {
    seen.push({ channel: String(name), message })
  }
  const channels = ['request:start', 'request:end', 'pfs:start', 'pfs:end', 'commit'].map(
    (name) => `pfs-s3-gateway:${name}`,
  )
  const gateway = await startWithObject('content')
  for (const name of channels) subscribe(name, listen)
  const headers = { ...host, 'content-length': '1', traceparent: '00-1-2-01' }
  const log = await gateway.logOf({ method: 'PUT', target: '/images/c', body: 'c', headers })
  await gateway.close()
  for (const name of channels) unsubscribe(name, listen)
  const of = <Message>(name: string) =>
    seen.filter(({ channel }) => channel === `pfs-s3-gateway:${name}`).map(({ message }) => message as Message)
  const [start] = of<RequestMessage>('request:start')
  assert.is(start, of<RequestMessage>('request:end')[0])
  assert.equal([start?.log, start?.request.headers.traceparent], [log, '00-1-2-01'])
  const calls = of<PfsCallMessage>('pfs:end')
  assert.equal(new Set(calls), new Set(of<PfsCallMessage>('pfs:start')))
  assert.is(calls.filter(({ requestId }) => requestId === log.requestId).length, log.pfsCalls)
  assert.ok(calls.some(({ method, status }) => method === 'modifyFile' && status === 'OK'))
  const [commit] = of<CommitMessage>('commit')
  assert.equal([commit?.writes, commit?.commits, commit?.waitMilliseconds.length], [1, 1, 1])
})

test.run()
