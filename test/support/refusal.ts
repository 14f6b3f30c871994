import { S3ServiceException } from '@aws-sdk/client-s3'

/** How the gateway refused a command, as `status Code`; 'none' where it did not. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`
    throw error
  }
  return 'none'
}
