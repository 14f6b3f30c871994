import { type IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { parseAddress } from '../../lib/http/address.js'
import { createByteBudget } from '../../lib/http/byte-budget.js'
import { readRequest } from '../../lib/http/request.js'
import { readXml } from '../../lib/http/xml.js'
import { createS3Handler } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'

/**
 * Generated requests, given to the handler without a socket: each is answered, and none with an error of ours.
 * FUZZ_INPUTS says how many inputs there are in all; fast-check prints the seed of one that fails.
 */
const inputs = Number(process.env.FUZZ_INPUTS ?? 10_000)
const test = suite(`fuzz of HTTP: ${inputs} inputs`)

function fuzz<T>(name: string, share: number, arbitrary: fc.Arbitrary<T>, run: (input: T) => Promise<void>): void {
  test(name, () => fc.assert(fc.asyncProperty(arbitrary, run), { numRuns: Math.ceil(inputs * share) }))
}

const failures: unknown[] = []
const handler = createS3Handler(createMemoryPfs(), { mode: 'none' }, { onError: (error) => failures.push(error) })

interface Sent {
  readonly method: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** The status of the answer; a failure of ours is thrown. */
async function statusOf({ method, target, headers = {}, body = new Uint8Array() }: Sent): Promise<number> {
  const all = { host: 'h', 'content-length': String(body.length), ...headers }
  const message = Object.assign(Readable.from(body.length === 0 ? [] : [body]), {
    method,
    url: target,
    headers: all,
    rawHeaders: Object.entries(all).flat(),
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    complete: true,
  }) as unknown as IncomingMessage
  const response = new ServerResponse(message)
  await handler(message, response)
  const failure = failures.shift()
  if (failure !== undefined) throw failure
  assert.ok(response.writableEnded, 'the answer has an end')
  response.destroy()
  return response.statusCode
}

test.before(async () => {
  assert.is(await statusOf({ method: 'PUT', target: '/images' }), 200)
  for (const key of ['a', 'b/c', '%25']) {
    assert.is(await statusOf({ method: 'PUT', target: `/images/${key}`, body: Buffer.from('content') }), 200)
  }
})

function joined(...parts: readonly string[]): fc.Arbitrary<string> {
  const part = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...parts) },
    { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
  )
  return fc.array(part, { maxLength: 12 }).map((all) => all.join('').replace(/[^\x21-\x7e]/gu, encodeURIComponent))
}

const path = joined(
  ...[
    '/',
    '/',
    '//',
    '/images',
    '/master.images',
    '/images/',
    'a',
    'b/c',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5C',
    '%00',
    '%',
    '%zz',
    '%C3%A9',
    '%ff',
  ],
  ...[
    '^',
    '^3',
    '+',
    '*',
    '@',
    ':',
    '~',
    'default',
    'f'.repeat(32),
    '__proto__',
    '__filesets__',
    '😀',
    '%F0%9F%98%80',
    '%25',
    '%2525',
    '?',
    '#',
  ],
)
const query = joined(
  ...[
    '&',
    '&',
    '&',
    '=',
    '=',
    'prefix',
    'delimiter',
    'marker',
    'max-keys',
    'list-type',
    '2',
    'continuation-token',
    'start-after',
    'encoding-type',
  ],
  ...[
    'url',
    'versions',
    'key-marker',
    'version-id-marker',
    'uploads',
    'uploadId',
    'partNumber',
    '1',
    '-1',
    '99999',
    'versionId',
    'f'.repeat(32),
  ],
  ...[
    'delete',
    'location',
    'acl',
    'tagging',
    'attributes',
    'response-content-type',
    'text/html',
    '%0d%0a',
    '/',
    '%2F',
    '+',
    '%',
    '%zz',
    'é',
    '%00',
  ],
  ...[
    'X-Amz-Signature',
    'AWSAccessKeyId',
    'Signature',
    'fetch-owner',
    'true',
    'max-buckets',
    'max-uploads',
    'YQ',
    '__proto__',
    'restore',
  ],
)
const headerNames = [
  ...[
    'range',
    'if-match',
    'if-none-match',
    'if-modified-since',
    'if-unmodified-since',
    'if-range',
    'x-amz-copy-source',
    'content-md5',
  ],
  ...[
    'x-amz-copy-source-range',
    'x-amz-metadata-directive',
    'x-amz-content-sha256',
    'x-amz-decoded-content-length',
    'x-amz-object-attributes',
  ],
  ...[
    'x-amz-trailer',
    'x-amz-storage-class',
    'content-encoding',
    'content-type',
    'authorization',
    'x-amz-checksum-crc32',
    'origin',
    'expect',
  ],
]
const headerValue = joined(
  ...[
    'bytes=',
    '0',
    '-',
    '5',
    ',',
    '"',
    '*',
    'W/',
    'x',
    '/images/a',
    '/images/%25',
    '?versionId=',
    'f'.repeat(32),
    'COPY',
    'REPLACE',
    'null',
  ],
  ...[
    'UNSIGNED-PAYLOAD',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'aws-chunked',
    'x-amz-checksum-crc32',
    'AAAAAA==',
    'ETag',
    'multipart/form-data;',
  ],
  ...[
    'boundary=X',
    'Tue, 24 Nov 2026 04:19:24 GMT',
    'AWS4-HMAC-SHA256 ',
    'AWS a:b',
    'Credential=',
    'https://x.example',
    'STANDARD',
  ],
)
const requests = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH'),
  path,
  query,
  headers: fc.dictionary(fc.constantFrom(...headerNames), headerValue, { maxKeys: 3 }),
  body: fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 40 })),
})

fuzz('any request gets a response, and never an internal error', 0.4, requests, async ({ path, query, ...sent }) => {
  const status = await statusOf({ ...sent, target: `/${path}${query && `?${query}`}` })
  assert.ok(status < 500 || status === 501, String(status))
})

const markup = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          '<Delete>',
          '</Delete>',
          '<Object>',
          '</Object>',
          '<Key>',
          '</Key>',
          'a',
          '<Quiet>true</Quiet>',
          '<VersionId>',
          '</VersionId>',
          '<x/>',
        ],
        ...[
          '<CompleteMultipartUpload>',
          '</CompleteMultipartUpload>',
          '<Part>',
          '</Part>',
          '<PartNumber>1</PartNumber>',
          '<ETag>"x"</ETag>',
        ],
        ...[
          '<CreateBucketConfiguration>',
          '</CreateBucketConfiguration>',
          '&amp;',
          '&#13;',
          '&#0;',
          '&constructor;',
          '<![CDATA[',
          ']]>',
          '<!--',
        ],
        ...[
          '-->',
          '<!DOCTYPE x [',
          '<!ENTITY a "b">',
          ']>',
          '&a;',
          '<?xml version="1.0"?>',
          '<a hasOwnProperty="b" c="d">',
          '<s3:Key>',
          '"',
          "'",
          '<',
        ],
        ...[
          '>',
          '/',
          '\ufeff',
          '\0',
          'é',
          '😀',
          ' ',
          '\n',
          '__proto__',
          'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"',
        ],
      ),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.from(parts.join('')))
const documents = fc.record({
  method: fc.constantFrom('POST', 'PUT'),
  target: fc.constantFrom(
    '/images?delete',
    '/images',
    '/images/a?uploadId=x',
    '/other',
    '/images?acl',
    '/images?versioning',
  ),
  body: fc.oneof({ weight: 9, arbitrary: markup }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) }),
})

fuzz('any document gets a response, and never an internal error', 0.2, documents, async (sent) => {
  const status = await statusOf(sent)
  assert.ok(status < 500 || status === 501, String(status))
})

const memory = createByteBudget(Number.POSITIVE_INFINITY).open()

/** The values of a document, or the code that it is refused with. */
async function outcomeOf(pieces: readonly Uint8Array[]): Promise<unknown> {
  const values: unknown[] = []
  const onEnd = (texts: ReadonlyMap<string, string>) => values.push(...texts)
  const shape = { texts: ['Quiet'], elements: { Object: { texts: ['Key', 'VersionId'], onEnd } }, onEnd }
  try {
    return [await readXml({ body: Readable.from(pieces), request: { memory } }, 'Delete', shape), values]
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

const splits = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })

fuzz('a document has the same meaning in any chunks', 0.2, fc.tuple(markup, splits), async ([document, sizes]) => {
  const pieces: Uint8Array[] = []
  for (let at = 0, index = 0; at < document.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    pieces.push(document.subarray(at, at + size))
    at += size
  }
  assert.equal(await outcomeOf(pieces), await outcomeOf(document.length === 0 ? [] : [document]))
})

const keys = fc.tuple(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
  fc.constantFrom('', '/s3', '/a/b%20c'),
  fc.boolean(),
)

fuzz('a key is the same in any encoding', 0.2, keys, async ([key, mountPath, everyByte]) => {
  const encoded = everyByte
    ? [...Buffer.from(key)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    : encodeURIComponent(key).replaceAll('%2F', '/')
  const message = {
    method: 'GET',
    url: `${mountPath}/images/${encoded}`,
    rawHeaders: ['Host', 'h'],
  } as unknown as IncomingMessage
  const options = { mountPath, domains: [] }
  assert.equal(parseAddress(readRequest(message, Readable.from([]), memory), options), {
    kind: 'object',
    bucket: 'images',
    key,
  })
})

test.run()
