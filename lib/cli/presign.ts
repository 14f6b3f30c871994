import { createHash, createHmac } from 'node:crypto'
import { endpointFrom, parseWords } from './command-line.js'
import { Fault } from './fault.js'
import { entry } from './help.js'

const usage = `Usage: pfs-s3-gateway presign BUCKET/KEY --endpoint URL [OPTIONS]

Prints a URL with which anybody can read or write one object until it expires. The credentials come from
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or both are the Pachyderm token in PACH_TOKEN. The URL contains the access
key: if that is a Pachyderm token, whoever has the URL has all rights of the token. Use a key of a keys file instead.

${entry('--endpoint URL', 'where clients reach the gateway, such as https://s3.example.com')}${entry('--method METHOD', 'GET, HEAD, PUT or DELETE (default GET)')}${entry('--expires SECONDS', 'from 1 to 604800, seven days (default 3600)')}${entry('--version-id ID', 'a version of the object')}${entry('--region NAME', "the gateway's --region (default us-east-1)")}`

const options = {
  endpoint: { type: 'string' },
  method: { type: 'string', default: 'GET' },
  expires: { type: 'string', default: '3600' },
  'version-id': { type: 'string' },
  region: { type: 'string', default: 'us-east-1' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Runs `presign`; returns the exit code, and throws a Fault for wrong arguments. */
export async function presign(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const config = { args: [...words], options, allowPositionals: true }
  const { values, positionals } = parseWords(config, { help: 'presign --help' })
  if (values.help === true) {
    process.stdout.write(usage)
    return 0
  }
  const [object, ...more] = positionals
  if (object === undefined || more.length > 0 || !/^\/?[^/]+\/./.test(object)) {
    throw new Fault('presign takes one BUCKET/KEY, such as master.images/a.txt; see presign --help')
  }
  if (object.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new Fault(
      'presign takes no key with a segment . or .., which clients resolve: the URL would name another object',
    )
  }
  const { method, region } = values
  if (!['GET', 'HEAD', 'PUT', 'DELETE'].includes(method)) {
    throw new Fault(`--method takes GET, HEAD, PUT or DELETE, not ${JSON.stringify(method)}`)
  }
  const expires = Number(values.expires)
  if (!Number.isInteger(expires) || expires < 1 || expires > 604_800) {
    throw new Fault(`--expires takes a number of seconds from 1 to 604800, not ${JSON.stringify(values.expires)}`)
  }
  if (values.endpoint === undefined) {
    throw new Fault('presign needs --endpoint URL, where clients reach the gateway; see presign --help')
  }
  const url = endpointFrom(values.endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${encoded(object.replace(/^\//, '')).replaceAll('%2F', '/')}`
  const credentials = credentialsFrom(env)
  const parameters = { ...(values['version-id'] !== undefined && { versionId: values['version-id'] }) }
  process.stdout.write(`${signedUrl(url, { method, region, expires, parameters, ...credentials })}\n`)
  return 0
}

interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

function credentialsFrom(env: NodeJS.ProcessEnv): Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, PACH_TOKEN: token } = env
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey }
  if (accessKeyId || secretAccessKey) throw new Fault('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other')
  if (!token) throw new Fault('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or PACH_TOKEN')
  process.stderr.write('warning: the URL contains the Pachyderm token: whoever has the URL has all of its rights\n')
  return { accessKeyId: token, secretAccessKey: token }
}

interface Signing extends Credentials {
  readonly method: string
  readonly region: string
  readonly expires: number
  readonly parameters: Readonly<Record<string, string>>
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
function signedUrl(url: URL, signing: Signing): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/${signing.region}/s3/aws4_request`
  const query = Object.entries({
    ...signing.parameters,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${signing.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(signing.expires),
    'X-Amz-SignedHeaders': 'host',
  })
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&')
  const canonical = [signing.method, url.pathname, query, `host:${url.host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${signing.secretAccessKey}`)
  return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${hmac(key, toSign).toString('hex')}`
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
