import { type CallOptions, type File, type FileOperation, fileSetRepo, headOf, type PfsClient } from '../pfs/client.js'
import { inPieces } from '../pfs/pieces.js'
import type { Change } from './change.js'
import { beginTurn, type Committed, endTurn, limitTime, reasonOf, type Start, type Turn } from './commit-changes.js'

/** A file whose bytes come as a stream; nothing is committed if the stream throws. */
export type StreamedChange = Omit<Change, 'content'> & { readonly body: AsyncIterable<Uint8Array> }

/** Settles with the function that gives the branch's turn back. */
export type TakeTurn = (paths: readonly string[], options: CallOptions) => Promise<() => void>

/**
 * Sends a body as it comes, and when the branch's turn has come checks the change and lets PFS make its commit. `turn`
 * is the one that `takeTurn` waits for.
 */
export async function commitStream(
  turn: Turn,
  { path, body, condition }: StreamedChange,
  takeTurn: TakeTurn,
  turnMilliseconds: number,
): Promise<Committed> {
  const { pfs, branch } = turn
  const client = turn.options.signal
  const over = new AbortController()
  const options = { ...turn.options, signal: over.signal }
  const change: Change = { path, content: { raw: new Uint8Array() }, ...(condition && { condition }) }
  let taken: Promise<() => void> | undefined
  let stopLimit = (): void => undefined
  let start: Start | undefined
  // Once the end of the body may be on its way, PFS may make the commit however soon the client leaves: the turn is kept
  // until PFS has answered, or another's commit could come between the checks and this one.
  const leave = (): void => {
    if (start === undefined) over.abort(client?.reason)
  }

  async function* operations(): AsyncGenerator<FileOperation> {
    yield { deleteFile: { path } }
    yield* addFile(path, body)
    taken = takeTurn([path], options)
    await taken
    over.signal.throwIfAborted()
    stopLimit = limitTime(over, turnMilliseconds)
    const begun = await beginTurn({ ...turn, options }, [change])
    const [refusal] = begun.refusals
    if (refusal !== undefined) throw refusal
    over.signal.throwIfAborted()
    start = begun
  }

  client?.addEventListener('abort', leave)
  if (client?.aborted) leave()
  try {
    await pfs.modifyFile(headOf(branch), operations(), options)
    if (start === undefined) throw new Error('PFS made a commit of a body before its end')
    return await endTurn({ ...turn, options }, start.head, [{ path, content: 'unknown' }])
  } catch (reason) {
    throw reasonOf(over, reason)
  } finally {
    client?.removeEventListener('abort', leave)
    stopLimit()
    // A call that failed before its turn came needs it no longer.
    over.abort(new Error('the stream is over'))
    taken?.then(
      (release) => release(),
      () => undefined,
    )
  }
}

/** Sends a body into a file set, where it is kept for ten minutes; the file that it is there. */
export async function stageBody(pfs: PfsClient, { path, body }: StreamedChange, options: CallOptions): Promise<File> {
  const id = await pfs.createFileSet(addFile(path, body), options)
  return { commit: { repo: fileSetRepo, id }, path }
}

async function* addFile(path: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<FileOperation> {
  for await (const raw of inPieces(body)) yield { addFile: { path, raw } }
}
