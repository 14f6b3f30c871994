import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { createByteBudget } from '../../lib/http/byte-budget.js'
import { readXml, xmlDocument } from '../../lib/http/xml.js'

const xml = suite('XML')

async function* bytes(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const whole = Buffer.from(text)
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

const unlimited = createByteBudget(Number.POSITIVE_INFINITY)

/** The keys of a list of objects and the text of its `Quiet`, or the code that it is refused with. */
async function read(body: AsyncIterable<Uint8Array>, maxBytes?: number): Promise<unknown> {
  const keys: (string | undefined)[] = []
  let quiet: string | undefined
  const shape = {
    texts: ['Quiet'],
    elements: {
      Object: {
        texts: ['Key', 'VersionId'],
        onEnd: (texts: ReadonlyMap<string, string>) => keys.push(texts.get('Key')),
      },
    },
    onEnd: (texts: ReadonlyMap<string, string>) => {
      quiet = texts.get('Quiet')
    },
  }
  try {
    const source = { body, request: { memory: unlimited.open() } }
    return (await readXml(source, 'Delete', shape, maxBytes)) && { keys, quiet }
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

xml('text is kept unchanged', async () => {
  for (const key of ['007', ' a ', '__proto__', 'a&b<c>"\'', 'line\nfeed', 'tab\t', 'ü😀', 'true', '1e3', '']) {
    const document = xmlDocument('Delete', { Object: { Key: key }, Quiet: key })
    assert.equal(await read(bytes(document)), { keys: [key], quiet: key })
  }
})

xml('any text is read as written, in chunks of any size', async () => {
  // XML 1.0 cannot carry the rest.
  const text = fc.string({ unit: 'binary' }).filter((each) => !/[\x00-\x08\x0b-\x1f\ufffe\uffff]/.test(each))
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (key, size) => {
      assert.equal(await read(bytes(xmlDocument('Delete', { Object: { Key: key } }), size)), {
        keys: [key],
        quiet: undefined,
      })
    }),
  )
})

xml('a long text of characters outside the basic plane is read as written, wherever it is split', async () => {
  for (const before of ['', 'a', 'ab']) {
    const key = before + '😀'.repeat(3000)
    const document = xmlDocument('Delete', { Object: { Key: key } })
    assert.equal(await read(bytes(document, document.length * 4)), { keys: [key], quiet: undefined })
  }
})

xml('CDATA, prefixes and references are text', async () => {
  const document =
    '<s3:Delete xmlns:s3="x"><s3:Object><s3:Key><![CDATA[a<b]]>&amp;&#x41;&#66;</s3:Key></s3:Object></s3:Delete>'
  assert.equal(await read(bytes(document)), { keys: ['a<b&AB'], quiet: undefined })
})

xml('elements may be indented, with comments and instructions between them', async () => {
  const document =
    '<?xml version="1.0"?>\n<!-- a -->\n<Delete>\r\n\t<Object> <Key>a</Key> </Object><?x y?><!-- b --></Delete>\n<!-- c -->\n'
  assert.equal(await read(bytes(document)), { keys: ['a'], quiet: undefined })
})

for (const [name, text] of [
  ['a document that ends in the middle', '<Delete><Object><Key>a</Key></Object>'],
  ['a wrong end tag', '<Delete><Object><Key>a</Object></Key></Delete>'],
  ['no element at all', 'just text'],
  ['nothing but space', '  \n '],
  ['two roots', '<Delete></Delete><Delete></Delete>'],
  ['another root', '<Remove></Remove>'],
  ['a document type', '<!DOCTYPE Delete><Delete></Delete>'],
  ['an entity', '<!DOCTYPE d [<!ENTITY x "y">]><Delete><Quiet>&x;</Quiet></Delete>'],
  ['a bomb', '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Delete><Quiet>&b;</Quiet></Delete>'],
  ['an entity that is not declared', '<Delete><Quiet>&secret;</Quiet></Delete>'],
  ['half of a surrogate pair', '<Delete><Quiet>&#xD800;</Quiet></Delete>'],
  ['an element that has no place', '<Delete><Objects/></Delete>'],
  ['an element of another level', '<Delete><Key>a</Key></Delete>'],
  ['an element in a text', '<Delete><Quiet><b>true</b></Quiet></Delete>'],
  ['an element named like a method', '<Delete><toString/></Delete>'],
  ['an element named like a prototype', '<Delete><__proto__/></Delete>'],
  ['text between elements', '<Delete>text<Quiet>true</Quiet></Delete>'],
  ['a text that comes twice', '<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>'],
  ['deep nesting', '<Delete>'.repeat(20) + '</Delete>'.repeat(20)],
  ['a long tag', `<Delete a="${'x'.repeat(4000)}"></Delete>`],
  ['many attributes', `<Delete ${'a="b" '.repeat(1000)}></Delete>`],
  ['a long comment', `<Delete><!--${'x'.repeat(4000)}--></Delete>`],
  ['a long instruction', `<?x ${'x'.repeat(4000)}?><Delete></Delete>`],
  ['space before the root without end', `${' '.repeat(10_000)}<Delete></Delete>`],
] as const) {
  xml(`${name} is MalformedXML`, async () => {
    for (const size of [7, 100_000]) assert.is(await read(bytes(text, size)), 'MalformedXML')
  })
}

xml('bytes that are not UTF-8 are MalformedXML', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('<Delete><Quiet>')
    yield Buffer.from([0xff, 0xfe])
    yield Buffer.from('</Quiet></Delete>')
  }
  assert.is(await read(broken()), 'MalformedXML')
})

xml('reading stops at the first unexpected element, and at the limit', async () => {
  let sent = 0
  async function* endless(piece: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from('<Delete>')
    for (;;) {
      sent += piece.length
      yield Buffer.from(piece)
    }
  }
  assert.is(await read(endless('<Object></Object>'), 10_000), 'MalformedXML')
  assert.ok(sent <= 11_000)
  sent = 0
  assert.is(await read(endless('<a></a>')), 'MalformedXML')
  assert.ok(sent <= 7)
})

xml('the bytes are counted, and refused beyond the budget', async () => {
  const budget = createByteBudget(100)
  const memory = budget.open()
  const source = (text: string) => ({ body: bytes(text), request: { memory } })
  await readXml(source(`<Delete>${' '.repeat(40)}</Delete>`), 'Delete', {})
  await readXml(source(`<Delete>${' '.repeat(40)}</Delete>`), 'Delete', {}).then(
    () => assert.unreachable(),
    (error: unknown) => assert.is(error instanceof S3Error && error.code, 'SlowDown'),
  )
})

xml('an empty body returns false', async () => assert.is(await read(bytes('')), false))

xml.run()
