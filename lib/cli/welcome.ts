import type { Arguments, HostAndPort } from './arguments.js'
import type { OpenPfs } from './pfs.js'

/** The message after startup: PFS, address, authentication, and commands to copy into a shell. */
export function welcomeText(args: Arguments, pfs: OpenPfs, listening: HostAndPort): string {
  const url = urlOf(args, listening)
  const lines = [
    `PFS: ${pfs.description}`,
    `Auth: ${authText(args, pfs)}`,
    ...(pfs.bucketToTry === undefined ? [] : linesToTry(args, pfs, url, pfs.bucketToTry)),
    `Listening on ${url}`,
  ]
  return `${lines.join('\n')}\n`
}

/** A line of JSON for parent processes: the addresses for S3 clients and for Pachyderm clients. */
export function addressesLine(args: Arguments, { address }: OpenPfs, listening: HostAndPort): string {
  // PFS in memory may be served on all interfaces.
  const pfs = address?.replace(/\/\/(\[::\]|0\.0\.0\.0):/, '//127.0.0.1:')
  return `${JSON.stringify({ s3: urlOf(args, listening), ...(pfs !== undefined && { pfs }) })}\n`
}

function urlOf(args: Arguments, { host, port }: HostAndPort): string {
  return `${args.tls === undefined ? 'http' : 'https'}://${reachableHost(host)}:${port}`
}

function linesToTry(args: Arguments, pfs: OpenPfs, url: string, bucket: string): readonly string[] {
  const [key, secret] = credentialsToTry(args, pfs)
  const region = args.region ?? 'us-east-1'
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

/** Clients cannot connect to a wildcard address. */
function reachableHost(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
