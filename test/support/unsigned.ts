/** An answer to a request without a signature. */
export interface Answer {
  readonly status: number
  readonly text: string
  /** S3's code in the text; undefined where it holds none. */
  readonly code: string | undefined
}

/** Asks a gateway on which auth is not active; `target` begins with a slash. */
export async function ask(
  { endpoint }: { readonly endpoint: string },
  method: string,
  target: string,
  body?: string,
): Promise<Answer> {
  const answer = await fetch(endpoint + target, { method, ...(body !== undefined && { body }) })
  const text = await answer.text()
  return { status: answer.status, text, code: /<Code>(.*)<\/Code>/.exec(text)?.[1] }
}
