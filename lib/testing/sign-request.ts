import {
  canonicalHeaders,
  canonicalPaths,
  canonicalQuery,
  canonicalRequest,
  sha256Hex,
} from '../signature/canonical-request.js'
import { hmac, signingKey } from '../signature/hmac.js'
import { isoSeconds } from '../signature/time.js'
import { v4Algorithm } from '../signature/v4.js'

/** The credentials and the region of a signature. */
export interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** The region in the credential scope. @default 'us-east-1' */
  readonly region?: string
}

/** The headers of a request plus those of Signature V4, which covers every header, and the body by `payloadHash`. */
export function signedHeaders(
  { accessKeyId, secretAccessKey, region = 'us-east-1' }: Signer,
  request: { readonly method: string; readonly url: URL; readonly headers: Readonly<Record<string, string>> },
  payloadHash: string,
): Readonly<Record<string, string>> {
  const time = isoSeconds(Date.now()).replace(/[-:]/g, '')
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
  const headers = { ...request.headers, 'x-amz-date': time, 'x-amz-content-sha256': payloadHash }
  const names = Object.keys(headers).sort()
  const [path = '/'] = canonicalPaths(request.url.pathname)
  const canonical = canonicalRequest(path, {
    method: request.method,
    canonicalQuery: canonicalQuery(queryOf(request.url)),
    signedHeaders: names,
    canonicalHeaders: canonicalHeaders(
      { headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])) },
      names,
    ),
    payloadHash,
  })
  const toSign = [v4Algorithm, time, scope, sha256Hex(canonical)].join('\n')
  const signature = hmac(signingKey(secretAccessKey, scope), toSign).toString('hex')
  const authorization = `${v4Algorithm} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  return { ...headers, authorization }
}

function queryOf(url: URL): ReadonlyMap<string, readonly string[]> {
  const names = new Set(url.searchParams.keys())
  return new Map([...names].map((name) => [name, url.searchParams.getAll(name)]))
}
