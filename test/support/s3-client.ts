import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'

/** One token is access key and secret key alike; where auth is not active any will do. */
export function tokenCredentials(token: string): { accessKeyId: string; secretAccessKey: string } {
  return { accessKeyId: token, secretAccessKey: token }
}

/** The SDK in the usual setup for a private server: path style, one attempt, and defaults. */
export function s3Client(
  gateway: { readonly endpoint: string },
  credentials: NonNullable<S3ClientConfig['credentials']> = tokenCredentials('any'),
  settings: S3ClientConfig = {},
): S3Client {
  return new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials,
    ...settings,
  })
}
