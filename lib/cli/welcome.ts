import type { Arguments } from './arguments.js'
import type { OpenPfs } from './pfs.js'
import { urlOf } from './server.js'
import type { HostAndPort } from './setting-values.js'

/** The listening addresses, for parent processes. */
export interface Addresses {
  /** For S3 clients. */
  readonly s3: string
  /** For Pachyderm clients; undefined for PFS in memory that is not served. */
  readonly pfs?: string
}

/** The message after startup. */
export interface Welcome {
  readonly message: string
  readonly addresses: Addresses
  /** PFS, address, authentication, and commands to copy into a shell. */
  readonly text: string
}

/** Creates the message after startup. */
export function welcomeFrom(args: Arguments, pfs: OpenPfs, listening: HostAndPort): Welcome {
  const s3 = urlOf(args.tls === undefined ? 'http' : 'https', listening)
  const message = `Listening on ${s3}`
  const lines = [
    `PFS: ${pfs.description}`,
    `Auth: ${authText(args, pfs)}`,
    ...(pfs.bucketToTry === undefined ? [] : linesToTry(args, pfs, s3, pfs.bucketToTry)),
    message,
  ]
  // PFS in memory may be served on all interfaces.
  const address = pfs.address?.replace(/\/\/(\[::\]|0\.0\.0\.0):/, '//127.0.0.1:')
  return { message, addresses: { s3, ...(address !== undefined && { pfs: address }) }, text: lines.join('\n') }
}

function linesToTry(args: Arguments, pfs: OpenPfs, url: string, bucket: string): readonly string[] {
  const [key, secret] = credentialsToTry(args, pfs)
  const region = args.handlerOptions.region ?? 'us-east-1'
  return [
    `Bucket: ${bucket} (branch master of repo images). To try it:`,
    '',
    `  export AWS_ACCESS_KEY_ID=${key} AWS_SECRET_ACCESS_KEY=${secret}`,
    `  echo hello | aws --endpoint-url ${url} s3 cp - s3://${bucket}/hello.txt`,
    `  mc alias set pfs ${url} "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" && mc ls pfs/${bucket}`,
    `  python3 -c "import boto3; s3 = boto3.client('s3', endpoint_url='${url}'); print(s3.list_objects_v2(Bucket='${bucket}'))"`,
    '',
    '  // JavaScript: forcePathStyle, since the bucket is a part of the path; credentials from the environment',
    "  import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'",
    `  const s3 = new S3Client({ endpoint: '${url}', region: '${region}', forcePathStyle: true })`,
    `  console.log(await s3.send(new ListObjectsV2Command({ Bucket: '${bucket}' })))`,
    '',
  ]
}

/** Any credentials if they are not checked; mc requires a secret of at least eight characters. */
function credentialsToTry(args: Arguments, pfs: OpenPfs): readonly [string, string] {
  if (args.auth.mode === 'keys') return ["'an access key of the file'", "'its secret'"]
  if (args.auth.mode === 'pachyderm' && pfs.authActive) return ["'the token'", "'the token'"]
  return ['anything', 'anything']
}

function authText(args: Arguments, pfs: OpenPfs): string {
  if (args.auth.mode === 'none') return 'none, no authentication'
  if (args.auth.mode === 'keys') return `access keys from ${args.auth.file}`
  if (pfs.authActive) return 'access key and secret key are both a Pachyderm token'
  return 'not active in Pachyderm, any or no credentials are accepted'
}
