import type { ServerResponse } from 'node:http'
import type { S3Response } from './response.js'
import { xmlDeclaration } from './xml-writer.js'

/** How long a client hears nothing before the answer begins, and then between one sign of life and the next. */
const keepAliveMilliseconds = 5000

/** An answer whose document is there at once. */
export type DocumentResponse = S3Response & { readonly body: string }

/** Answers that have begun with white space, and whose body may still be an error. */
const begun = new WeakSet<ServerResponse>()

/**
 * The answer to work that may take longer than clients wait. What is ready, or has failed, within seconds is answered as
 * it is. Later, the answer has begun: status 200, and a document that comes when it comes, which may be an error's.
 */
export async function answerLate(answer: Promise<DocumentResponse>): Promise<S3Response> {
  const ready = await withinPause(answer)
  if (ready !== undefined) return ready
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: answer.then(({ body }) => body) }
}

/** Sends white space until the document is there, and then the document; the head is out already. */
export async function writeLateDocument(res: ServerResponse, document: Promise<string>): Promise<void> {
  begun.add(res)
  res.write(xmlDeclaration)
  for (;;) {
    const ready = await withinPause(document)
    if (ready !== undefined) {
      endLateDocument(res, ready)
      return
    }
    res.write(' ')
  }
}

/** Whether a document is still to come in an answer that has begun. */
export function awaitsDocument(res: ServerResponse): boolean {
  return begun.has(res) && !res.writableEnded
}

/** Ends an answer that has begun with white space. */
export function endLateDocument(res: ServerResponse, document: string): void {
  res.end(document.slice(xmlDeclaration.length))
}

/** The result of work if it comes within a pause; undefined if it does not. */
async function withinPause<Result>(work: Promise<Result>): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined
  const pause = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), keepAliveMilliseconds)
  })
  try {
    return await Promise.race([work, pause])
  } finally {
    clearTimeout(timer)
  }
}
