import { type CallOptions, type PfsClient, sweepUploads } from '../index.js'
import { lineFrom } from './fault.js'

const hour = 60 * 60 * 1000

/** Removes what old multipart uploads have left, now and every hour, and says what it did; the result ends it. */
export function startSweeping(
  pfs: PfsClient,
  olderThanMilliseconds: number,
  options: CallOptions,
  say: (text: string) => void,
): () => void {
  const sweep = async (): Promise<void> => {
    try {
      const { uploads, files } = await sweepUploads(pfs, { olderThanMilliseconds }, options)
      if (files > 0) say(`Swept ${uploads} unfinished uploads, ${files} files in all.\n`)
    } catch (thrown) {
      say(`error: old uploads were not swept: ${lineFrom(thrown)}\n`)
    }
  }
  const timer = setInterval(sweep, hour)
  void sweep()
  return () => clearInterval(timer)
}
