import { S3Error } from '../../lib/errors.js'

/** The S3Error that work fails with; any other error is passed on. */
export async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<S3Error> {
  const error = await refusalOf(work)
  if (error === undefined) throw new Error('nothing was refused')
  return error
}

/** The code of the S3Error that work fails with; 'none' if it succeeds. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  return (await refusalOf(work))?.code ?? 'none'
}

async function refusalOf(work: Promise<unknown> | (() => unknown)): Promise<S3Error | undefined> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof S3Error) return error
    throw error
  }
  return undefined
}
