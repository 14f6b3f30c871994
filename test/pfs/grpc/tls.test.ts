import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { createServer } from 'node:tls'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPfsClient } from '../../../lib/pfs/grpc/client.js'
import { fileOf } from '../../support/root.js'
import { collect, failureOf, file, served } from './served.js'

const test = suite('pfs/grpc/tls')

const certificate = readFileSync(fileOf('test/support/tls/cert.pem'))
const key = readFileSync(fileOf('test/support/tls/key.pem'))

/** Runs `test` with the address of a server that speaks TLS in front of one that does not. */
async function servedOverTls(test: (address: string) => Promise<void>): Promise<void> {
  const whoAmI = async () => ({ username: 'robot:alice' })
  async function* getFile() {
    yield Buffer.from('content')
  }
  await served({ whoAmI, getFile }, async (_, plainAddress) => {
    const { port } = new URL(plainAddress)
    const tls = createServer({ cert: certificate, key, ALPNProtocols: ['h2'] }, (socket) => {
      const upstream = connect(Number(port), '127.0.0.1')
      for (const end of [socket, upstream]) end.on('error', () => {})
      socket.pipe(upstream).pipe(socket)
    })
    tls.on('tlsClientError', () => {})
    tls.listen(0, '127.0.0.1')
    await once(tls, 'listening')
    try {
      await test(`localhost:${(tls.address() as AddressInfo).port}`)
    } finally {
      tls.close()
    }
  })
}

test('a certificate of an unknown authority is UNAVAILABLE with the reason', async () => {
  await servedOverTls(async (address) => {
    const pfs = createPfsClient(`grpcs://${address}`)
    const errors = [await failureOf(pfs.whoAmI()), await failureOf(collect(pfs.getFile({ file })))]
    pfs.close()
    assert.equal(
      errors.map(({ status }) => status),
      ['UNAVAILABLE', 'UNAVAILABLE'],
    )
    for (const error of errors) assert.match(error.message, /self-signed|unable to verify/)
  })
})

test('a client without TLS cannot connect', async () => {
  await servedOverTls(async (address) => {
    const pfs = createPfsClient(`grpc://${address}`)
    const error = await failureOf(pfs.whoAmI())
    pfs.close()
    assert.is(error.status, 'UNAVAILABLE')
  })
})

test('with its authority, as text or bytes, TLS works', async () => {
  await servedOverTls(async (address) => {
    for (const caCertificates of [certificate, certificate.toString()]) {
      const pfs = createPfsClient(`grpcs://${address}`, { caCertificates })
      assert.is((await pfs.whoAmI()).username, 'robot:alice')
      assert.is(Buffer.concat(await collect(pfs.getFile({ file }))).toString(), 'content')
      pfs.close()
    }
  })
})

test('invalid PEM, or authorities for an address without TLS, are refused', () => {
  const refused = (reason: RegExp) => (error: unknown) => error instanceof TypeError && reason.test(error.message)
  assert.throws(
    () => createPfsClient('grpc://localhost:1', { caCertificates: certificate }),
    refused(/need a grpcs:\/\/ address/),
  )
  for (const caCertificates of ['', 'not a certificate']) {
    assert.throws(
      () => createPfsClient('grpcs://localhost:1', { caCertificates }),
      refused(/at least one PEM certificate/),
    )
  }
})

test.run()
