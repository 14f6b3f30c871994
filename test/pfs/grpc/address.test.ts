import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { authority, isLoopback, parsePfsAddress } from '../../../lib/pfs/grpc/connection.js'

const test = suite('pfs/grpc/address')

const refused: [address: string, reason: RegExp][] = [
  ['', /the host is missing/],
  [':30650', /the host is missing/],
  ['grpc://', /the host is missing/],
  ['localhost', /the port is missing/],
  ['localhost:', /the port is missing/],
  ['localhost:http', /the port must be a number/],
  ['localhost:70000', /the port must be a number/],
  ['localhost:-1', /the port must be a number/],
  ['localhost:1e3', /the port must be a number/],
  ['http://localhost:80', /the scheme must be grpc or grpcs/],
  ['unix:///run/pachd', /the scheme must be grpc or grpcs/],
  ['://localhost:80', /the scheme must be grpc or grpcs/],
  ['grpc://localhost:80/', /only host:port may follow/],
  ['grpc://user@localhost:80', /only host:port may follow/],
  ['grpc://localhost:80?x=1', /only host:port may follow/],
  ['local host:80', /only host:port may follow/],
  ['::1:30650', /an IPv6 address needs brackets/],
  ['[localhost]:30650', /must contain an IPv6 address/],
  ['[::1]', /the port is missing/],
]

for (const [address, reason] of refused) {
  test(`${JSON.stringify(address)} is refused with the reason`, () => {
    assert.throws(
      () => parsePfsAddress(address),
      (error: unknown) =>
        error instanceof TypeError && reason.test(error.message) && error.message.includes(JSON.stringify(address)),
    )
  })
}

test('a scheme selects TLS; the default is grpc', () => {
  assert.equal(parsePfsAddress('grpc://pachd.example:30650'), { secure: false, host: 'pachd.example', port: 30650 })
  assert.equal(parsePfsAddress('grpcs://pachd.example:443'), { secure: true, host: 'pachd.example', port: 443 })
  assert.equal(parsePfsAddress('127.0.0.1:1650'), { secure: false, host: '127.0.0.1', port: 1650 })
  assert.equal(parsePfsAddress('[::1]:1650'), { secure: false, host: '::1', port: 1650 })
})

test('authority puts the brackets back', () => {
  assert.is(authority(parsePfsAddress('grpc://[::1]:1650')), '[::1]:1650')
  assert.is(authority(parsePfsAddress('grpc://pachd:1650')), 'pachd:1650')
})

test('only names and addresses of this machine are loopback', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopback(host), host)
  for (const host of ['pachd', '10.0.0.1', '127.example.com', '::2']) assert.not(isLoopback(host), host)
})

test.run()
