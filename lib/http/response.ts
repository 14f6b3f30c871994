/** Lower-case names; one that is undefined is not sent. */
export type Headers = Readonly<Record<string, string | undefined>>

/** An answer as a value. */
export interface S3Response {
  readonly status: number
  readonly headers?: Headers
  /** A stream is as long as its `content-length` says; a promise is of a document, and white space goes before it. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | Promise<string>
}

/** An answer whose body is an XML document. */
export function xmlResponse(document: string, headers: Headers = {}): S3Response & { readonly body: string } {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: document }
}
