import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { presignV4, type Unsigned } from '../support/sign.js'
import { exchange, outcomeOf, xmlText } from '../support/wire.js'
import { ask, type House, openHouse } from './house.js'

/** Class 20 of README.md: what browsers, and those who read logs, are given. */
const test = suite<{ house: House }>('browsers and logs')

test.before(async (context) => {
  context.house = await openHouse('keys')
  for (const key of ['object', 'page.html', 'private']) {
    const put: Unsigned = { method: 'PUT', target: `/alice/${key}`, body: '<script>alert(1)</script>' }
    assert.is(outcomeOf(await ask(context.house, put)), '200')
  }
})

test.after(({ house }) => house.close())

test('20: a response-* parameter cannot end its header line', async ({ house }) => {
  for (const text of ['a\r\nSet-Cookie: x=1', 'a\nb', 'a\rb', 'a\0b', 'a\u007fb', 'a\u010ab', '😀']) {
    const target = `/alice/object?response-content-disposition=${encodeURIComponent(text)}`
    assert.is(outcomeOf(await ask(house, { target })), '400 InvalidArgument')
  }
  const name = 'attachment; filename="ünï.txt"'
  const response = await ask(house, {
    target: `/alice/object?response-content-disposition=${encodeURIComponent(name)}`,
  })
  assert.is(response.status, 200)
  assert.is(response.headers['content-disposition'], name)
})

test('20: keys, prefixes and buckets are text in a response, never markup', async ({ house }) => {
  const evil = '<script>alert(1)</script>&"\'>]]>'
  const encoded = encodeURIComponent(evil).replaceAll("'", '%27')
  for (const target of [`/alice/${encoded}`, `/alice?prefix=${encoded}&delimiter=${encoded}`, `/${encoded}`]) {
    const { body } = await ask(house, { target })
    assert.not.match(body, '<script')
    assert.not.match(body, ']]>')
  }
  const post = await ask(house, { target: `/alice?encoding-type=${encoded}` })
  assert.not.match(post.body, '<script')
  assert.is(xmlText(post, 'ArgumentValue').startsWith('&lt;script&gt;'), true)
})

/** Types that a browser runs, or may run, beside those of HTML and XML. */
const active = [
  'text/xsl',
  'text/rdf',
  'multipart/x-mixed-replace; boundary=b',
  'application/pdf',
  'image/svg+xml-compressed',
  'image/unknown+xml',
  'audio/x+XML; charset=utf-8',
  'font/a+xml',
  'image/png, text/html',
  'text/plain; a=b, text/html',
  'application/x-shockwave-flash',
  'x/unknown',
  '',
]

test('20: a browser never treats a response as a page of the gateway', async ({ house }) => {
  const { alice: key } = house
  const plain = await ask(house, { target: '/alice/page.html' })
  assert.equal([plain.headers['content-type'], plain.headers['x-content-type-options']], ['text/html', 'nosniff'])
  assert.match(plain.headers['content-security-policy'] ?? '', /^sandbox\b(?!.*allow-same-origin)/)
  for (const type of [
    'text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'TEXT/HTML; charset=utf-8',
    'text/xml',
    ...active,
  ]) {
    const target = `/alice/page.html?response-content-type=${encodeURIComponent(type)}`
    const { headers } = await exchange(house.port, presignV4({ target }, { key }))
    assert.is(headers['content-type'], type)
    assert.match(headers['content-security-policy'] ?? '', /^sandbox\b(?!.*allow-same-origin)/)
  }
  const image = await ask(house, { target: '/alice/page.html?response-content-type=image/png' })
  assert.is(image.headers['content-security-policy'], undefined)
  const error = await ask(house, { target: '/alice/none' })
  assert.is(error.headers['x-content-type-options'], 'nosniff')
})

test('20: no origin is allowed without a rule', async ({ house }) => {
  const headers = { host: 'h', origin: 'https://evil.example', 'access-control-request-method': 'GET' }
  const preflight = await exchange(house.port, { method: 'OPTIONS', target: '/alice/object', headers })
  assert.is(outcomeOf(preflight), '403 AccessForbidden')
  const actual = await ask(house, { target: '/alice/object', headers: { origin: 'https://evil.example' } })
  for (const response of [preflight, actual]) {
    assert.equal(
      Object.keys(response.headers).filter((name) => name.startsWith('access-control-')),
      [],
    )
  }
})

test('20: no log contains a token, a secret or a signed header', async ({ house }) => {
  const { alice, bob, tokens, log } = house
  for (const key of [alice, bob, { ...alice, secretAccessKey: 'wrong' }, { accessKeyId: 'x', secretAccessKey: 'y' }]) {
    await ask(house, { target: '/alice/private' }, key)
    await ask(house, { method: 'PUT', target: '/nowhere/x', body: 'x' }, key)
  }
  await exchange(house.port, { target: '/alice', headers: { host: 'h', authorization: `Bearer ${tokens.alice}` } })
  const text = log.join('\n')
  assert.ok(log.length > 0)
  for (const secret of [...Object.values(tokens), alice.secretAccessKey, bob.secretAccessKey])
    assert.not.match(text, secret)
})

test.run()
