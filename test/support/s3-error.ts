import { S3Error } from '../../lib/errors.js'

/** The S3Error that work is refused with; what else it throws goes on. */
export async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<S3Error> {
  const error = await refusalOf(work)
  if (error === undefined) throw new Error('nothing was refused')
  return error
}

/** The code of the S3Error that work is refused with; 'none' where it is not. */
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
