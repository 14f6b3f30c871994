import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../../lib/errors.js'
import { authenticate } from '../../lib/signature/authenticate.js'
import { enforceConditions, parsePolicy } from '../../lib/signature/policy-conditions.js'
import { signedChunkBytes } from '../support/sign.js'
import { exampleCredentials, exampleKey, readAll, received, type Sent } from './request.js'
import { presign, type Signed, scope, signedAt, signHeader, timestamp } from './signer.js'

/**
 * Generated input: nothing but an S3Error may come out of it, nothing may hang, and no forgery may pass.
 * FUZZ_INPUTS says how many inputs there are in all; fast-check prints the seed of one that fails.
 */
const inputs = Number(process.env.FUZZ_INPUTS ?? 20_000)
const test = suite(`fuzz: ${inputs} inputs`)

function fuzz<T>(name: string, share: number, arbitrary: fc.Arbitrary<T>, run: (input: T) => Promise<void>): void {
  test(name, () => fc.assert(fc.asyncProperty(arbitrary, run), { numRuns: Math.ceil(inputs * share) }))
}

/** Whether it passes; a refusal is an S3Error or it is thrown on. */
async function passes(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof S3Error) return false
    throw error
  }
}

function check(sent: Sent) {
  return authenticate(received(sent), { credentials: exampleCredentials, now: () => signedAt })
}

const authorization = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 120 }),
  fc
    .array(
      fc.constantFrom(
        ...[
          'AWS4-HMAC-SHA256 ',
          'AWS ',
          'Credential=',
          'SignedHeaders=',
          'Signature=',
          ',',
          ', ',
          ';',
          '/',
          '=',
          ':',
          ' ',
          'host',
        ],
        ...[
          'x-amz-date',
          exampleKey.accessKeyId,
          '20260203',
          'us-east-1',
          's3',
          'aws4_request',
          scope,
          '0'.repeat(64),
          '',
          '\t',
        ],
      ),
      { maxLength: 25 },
    )
    .map((parts) => parts.join('')),
)

fuzz('the Authorization header', 0.25, authorization, async (value) => {
  const headers = {
    Host: 'h',
    'x-amz-date': timestamp,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    Authorization: value,
  }
  assert.not(await passes(() => check({ target: '/bucket', headers })))
})

const queryParts = fc.array(
  fc.constantFrom(
    ...['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'],
    ...['AWSAccessKeyId', 'Expires', 'Signature', '=', '=', '&', '&', '%2F', '%', '%zz', '+', 'host', '60', timestamp],
    ...['AWS4-HMAC-SHA256', `${exampleKey.accessKeyId}%2F${encodeURIComponent(scope)}`, '0'.repeat(64), '9999999999'],
  ),
  { maxLength: 30 },
)

fuzz('the query of a presigned URL', 0.1, queryParts, async (parts) => {
  assert.not(await passes(async () => check({ target: `/bucket?${parts.join('')}`, headers: { Host: 'h' } })))
})

const character = fc.oneof(
  fc.constantFrom(...'ab/. +%&=?~*()\'"<\\é日'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
)
const text = fc.string({ unit: character, maxLength: 12 })
const requests = fc.record({
  method: fc.constantFrom('GET', 'PUT', 'DELETE'),
  path: text,
  // smithy keeps the query in a plain object.
  query: fc.dictionary(
    text.filter((name) => name !== '__proto__'),
    text,
    { maxKeys: 3 },
  ),
  meta: fc.string({ unit: fc.constantFrom(...'ab ,\t;:='), maxLength: 12 }),
  presigned: fc.boolean(),
})

/** Signs a request with smithy, as a client would. */
async function signed({
  method,
  path,
  query,
  meta,
  presigned,
}: typeof requests extends fc.Arbitrary<infer T> ? T : never): Promise<Signed> {
  const pairs = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  const target = `/bucket/${encodePath(path)}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
  const sent = { method, target, headers: { 'x-amz-meta-a': meta } }
  return presigned ? presign(sent) : signHeader(sent)
}

function encodePath(path: string): string {
  return path
    .split('/')
    .map((segment) =>
      encodeURIComponent(segment).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/')
}

fuzz('the canonical request against that of smithy', 0.15, requests, async (request) => {
  await check(await signed(request))
})

const change = fc.record({ at: fc.nat(), character: fc.constantFrom(...'aA0/.%&=? ,;~-+'), insert: fc.boolean() })

function changed(value: string, { at, character, insert }: { at: number; character: string; insert: boolean }): string {
  const index = at % (value.length + 1)
  return value.slice(0, index) + character + value.slice(insert ? index : index + 1)
}

/** The canonical meaning of a target. */
function meaning(target: string): string {
  const { rawPath, query } = received({ target })
  const pairs = [...query].flatMap(([name, values]) => values.map((value) => [name, value]))
  return JSON.stringify([decodeURIComponent(rawPath), pairs.map(String).sort()])
}

fuzz(
  'a changed target or header passes only if its meaning is the same',
  0.2,
  fc.tuple(requests, change),
  async ([request, edit]) => {
    const original = await signed(request)
    const target = changed(original.target, edit)
    if (await passes(async () => check({ ...original, target }))) assert.is(meaning(target), meaning(original.target))
    const [names, name] = [Object.keys(original.headers), edit.at]
    const header = names[name % names.length] ?? 'host'
    const value = changed(original.headers[header] ?? '', edit)
    if (await passes(() => check({ ...original, headers: { ...original.headers, [header]: value } }))) {
      const folded = (one = '') => one.trim().replace(/[ \t]+/g, ' ')
      const spaceless = (one: string) => one.replaceAll(' ', '')
      const same = header === 'authorization' ? spaceless : folded
      assert.is(same(value), same(original.headers[header] ?? ''))
    }
  },
)

const edits = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'drop', 'double', 'none'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 90 }),
})
const streams = fc.record({
  chunks: fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 4 }),
  splits: fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 }),
  edit: edits,
})

const streamHeads = new Map<number, Signed>()

async function streamHead(length: number): Promise<Signed> {
  const known = streamHeads.get(length)
  if (known !== undefined) return known
  const headers = {
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'x-amz-decoded-content-length': String(length),
  }
  const head = await signHeader({ method: 'PUT', target: '/bucket/key', headers })
  streamHeads.set(length, head)
  return head
}

function edited(body: Buffer, { kind, at, length }: { kind: string; at: number; length: number }): Buffer {
  const start = at % body.length
  const [before, piece, after] = [
    body.subarray(0, start),
    body.subarray(start, start + length),
    body.subarray(start + length),
  ]
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, Buffer.from([(body[start] ?? 0) ^ (1 << (length % 8))]), body.subarray(start + 1)])
    case 'cut':
      return before
    case 'drop':
      return Buffer.concat([before, after])
    case 'double':
      return Buffer.concat([before, piece, piece, after])
    default:
      return body
  }
}

async function* split(body: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    yield body.subarray(at, at + size)
    at += size
  }
}

fuzz('signed chunks in any split, complete or damaged', 0.15, streams, async ({ chunks, splits, edit }) => {
  const content = Buffer.concat(chunks)
  const head = await streamHead(content.length)
  const whole = signedChunkBytes(head, exampleKey, chunks)
  const body = edited(whole, edit)
  const read: Buffer[] = []
  const passed = await passes(async () => {
    read.push(await readAll((await check({ ...head, body: split(body, splits) })).body))
  })
  assert.is(passed, saysTheSame(body, whole))
  if (passed) assert.ok(read[0]?.equals(content))
})

/** Whether the framing says the same: a size in hex may be written in either case and with zeros before it. */
function saysTheSame(body: Buffer, whole: Buffer): boolean {
  const canonical = (framed: Buffer) =>
    framed
      .toString('latin1')
      .replace(/(?<=^|\r\n)0*([0-9a-f]{1,15})(?=;chunk-signature=)/gi, (_, size: string) => size.toLowerCase())
  return canonical(body) === canonical(whole)
}

const policies = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .record({
      expiration: fc.oneof(fc.constant('2030-01-01T00:00:00Z'), fc.string()),
      conditions: fc.array(fc.jsonValue(), { maxLength: 4 }),
    })
    .map((one) => JSON.stringify(one)),
  fc
    .array(fc.constantFrom('eq', 'starts-with', 'content-length-range', '$key', '$bucket', 'up/', '', 0, 5), {
      maxLength: 4,
    })
    .map((condition) => JSON.stringify({ expiration: '2030-01-01T00:00:00Z', conditions: [condition] })),
  fc.string({ unit: 'binary' }),
)

fuzz('policies', 0.15, policies, async (policy) => {
  const fields = new Map([
    ['key', 'elsewhere'],
    ['bucket', 'bucket'],
  ])
  const passed = await passes(async () =>
    enforceConditions(parsePolicy(Buffer.from(policy).toString('base64')), fields),
  )
  assert.not(passed, 'no one condition covers both fields')
})

test.run()
