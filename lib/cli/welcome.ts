import type { Arguments, HostAndPort } from './arguments.js'
import type { OpenPfs } from './pfs.js'

/** What the program says when it listens: which PFS, where, who may, and lines to copy into a shell. */
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

/** A line of JSON for programs that start this one: where S3 clients connect, and where Pachyderm's clients do. */
export function addressesLine(args: Arguments, { address }: OpenPfs, listening: HostAndPort): string {
  // PFS in memory may be served on every interface.
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

/** Any credentials where nobody checks them; mc wants a secret of eight characters or more. */
function credentialsToTry(args: Arguments, pfs: OpenPfs): readonly [string, string] {
  if (args.auth.mode === 'keys') return ["'an access key of the file'", "'its secret'"]
  if (args.auth.mode === 'pachyderm' && pfs.authActive) return ["'the token'", "'the token'"]
  return ['anything', 'anything']
}

function authText(args: Arguments, pfs: OpenPfs): string {
  if (args.auth.mode === 'none') return 'none, nobody is asked for credentials'
  if (args.auth.mode === 'keys') return `access keys from ${args.auth.file}`
  if (pfs.authActive) return 'access key and secret key are both a Pachyderm token'
  return 'not active in Pachyderm, any or no credentials pass'
}

/** A wildcard address is no address to connect to. */
function reachableHost(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
