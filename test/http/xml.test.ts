import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { childText, readXml, type XmlElement } from '../../lib/http/xml-reader.js'
import { xmlDocument } from '../../lib/http/xml-writer.js'

const xml = suite('XML')

async function* bytes(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const whole = Buffer.from(text)
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

async function read(text: string, maxBytes?: number): Promise<XmlElement | string | undefined> {
  try {
    return await readXml(bytes(text), maxBytes)
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

xml('text is kept as it is', async () => {
  for (const key of ['007', ' a ', '__proto__', 'a&b<c>"\'', 'line\nfeed', 'tab\t', 'ü😀', 'true', '1e3', '']) {
    const element = await read(xmlDocument('Delete', { Key: key }))
    assert.is(typeof element === 'object' && childText(element, 'Key'), key)
  }
})

xml('any text comes back, in chunks of any size', async () => {
  // XML 1.0 cannot carry the rest.
  const text = fc.string({ unit: 'binary' }).filter((each) => !/[\x00-\x08\x0b-\x1f\ufffe\uffff]/.test(each))
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (key, size) => {
      const element = await readXml(bytes(xmlDocument('Delete', { Key: key }), size))
      assert.is(element && childText(element, 'Key'), key)
    }),
  )
})

xml('CDATA, prefixes and references are text', async () => {
  const element = await read('<s3:Delete xmlns:s3="x"><s3:Key><![CDATA[a<b]]>&amp;&#x41;&#66;</s3:Key></s3:Delete>')
  assert.is(typeof element === 'object' && childText(element, 'Key'), 'a<b&AB')
})

for (const [name, text] of [
  ['a document that ends in the middle', '<Delete><Key>a</Key>'],
  ['a wrong end tag', '<Delete><Key>a</Delete></Key>'],
  ['no element at all', 'just text'],
  ['two roots', '<a></a><b></b>'],
  ['a document type', '<!DOCTYPE Delete><Delete></Delete>'],
  ['an entity', '<!DOCTYPE d [<!ENTITY x "y">]><d>&x;</d>'],
  ['a bomb', '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>'],
  ['an entity that is not declared', '<Delete>&secret;</Delete>'],
  ['deep nesting', '<a>'.repeat(20) + '</a>'.repeat(20)],
] as const) {
  xml(`${name} is MalformedXML`, async () => assert.is(await read(text), 'MalformedXML'))
}

xml('bytes that are not UTF-8 are MalformedXML', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('<Key>')
    yield Buffer.from([0xff, 0xfe])
    yield Buffer.from('</Key>')
  }
  let code = 'none'
  try {
    await readXml(broken())
  } catch (error) {
    code = error instanceof S3Error ? error.code : String(error)
  }
  assert.is(code, 'MalformedXML')
})

xml('a body beyond the limit is left before it has been read', async () => {
  let sent = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('<Delete>')
    for (;;) {
      sent += 1000
      yield Buffer.from('<Object></Object>'.repeat(60).slice(0, 1000))
    }
  }
  let code = 'none'
  try {
    await readXml(endless(), 10_000)
  } catch (error) {
    code = error instanceof S3Error ? error.code : String(error)
  }
  assert.is(code, 'MalformedXML')
  assert.ok(sent <= 11_000)
})

xml('an empty body is none', async () => assert.is(await read(''), undefined))

xml.run()
