import { S3ServiceException } from '@aws-sdk/client-s3'

/** The gateway's error for a command, as `status Code`; 'none' if it succeeded. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`
    throw error
  }
  return 'none'
}
