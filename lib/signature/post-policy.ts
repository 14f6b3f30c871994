import { invalidArgument, S3Error } from '../errors.js'
import { readForm } from '../http/form.js'
import { type HttpRequest, header } from '../http/request.js'
import { type Identity, identify, type SignatureOptions } from './authenticate.js'
import { type CheckedBody, createCheckedBody } from './checked-body.js'
import { type Claim, signatureMismatch } from './claim.js'
import { hmac, hmacSha1, sameSignature, signingKey } from './hmac.js'
import { limitedLength, readExpectations } from './payload.js'
import { againstPolicy, enforceConditions, type LengthLimits, parsePolicy } from './policy-conditions.js'
import { parseTimestamp } from './time.js'
import { parseCredential, v4Algorithm } from './v4.js'

/** An upload through a browser form: the signer of its policy, and the file. Reading the file verifies its size. */
interface FormPost {
  readonly identity: Identity
  readonly body: CheckedBody
  /** The form's fields by lower-case name. */
  readonly fields: ReadonlyMap<string, string>
  readonly key: string
}

/** Whether a POST carries a form (S3's PostObject). */
export function isFormPost(request: Pick<HttpRequest, 'method' | 'headers'>): boolean {
  return request.method === 'POST' && /^multipart\/form-data\b/i.test(header(request, 'content-type') ?? '')
}

/** Parses the fields of a form up to its file and checks them against the policy; throws as `authenticate` does. */
export async function readFormPost(request: HttpRequest, bucket: string, options: SignatureOptions): Promise<FormPost> {
  refuseOtherCredentials(request)
  const { fields, file } = await readForm(request.body, header(request, 'content-type'), request.memory)
  const { identity, limits } = await authenticatePost(fields, bucket, options)
  const key = fields.get('key')
  if (key === undefined || key === '') {
    throw invalidArgument('key', {
      message:
        'Bucket POST must contain a field named "key". If it is specified, please check the order of the fields.',
    })
  }
  const content = limitedLength(file, limits)
  return { identity, body: createCheckedBody(content, { expectations: readExpectations(fields) }), fields, key }
}

/** The policy of a form is signed; a second signature on the request could name another caller. */
function refuseOtherCredentials({ headers, query }: HttpRequest): void {
  if (headers.has('authorization') || query.has('X-Amz-Signature') || query.has('Signature')) {
    throw new S3Error('InvalidArgument', { message: 'Only one auth mechanism allowed.' })
  }
}

/** The caller of a form upload, and the limits of its policy. */
interface AuthenticatedPost {
  readonly identity: Identity
  /** The `content-length-range` of the policy; for `limitedLength`. */
  readonly limits: LengthLimits
}

/**
 * Verifies the signature (V4 or V2) of the policy of a browser form, and that the form obeys the policy. A policy is
 * enforced even if the caller is anonymous.
 *
 * @param fields By lower-case name, as `readForm` returns them.
 * @param bucket The bucket that the request addresses.
 * @throws as `authenticate`, and S3Error InvalidPolicyDocument or AccessDenied for the policy.
 */
export async function authenticatePost(
  fields: ReadonlyMap<string, string>,
  bucket: string,
  options: SignatureOptions,
): Promise<AuthenticatedPost> {
  // The signature first: without it the policy is not worth parsing, and its error would hide a missing field.
  const { identity } = await identify(options.credentials, () => readPostClaim(fields, options.region))
  const now = options.now?.() ?? new Date()
  const policy = fields.get('policy')
  return { identity, limits: policy === undefined ? {} : enforce(policy, fields, bucket, now) }
}

function enforce(base64: string, fields: ReadonlyMap<string, string>, bucket: string, now: Date): LengthLimits {
  const policy = parsePolicy(base64)
  if (now.getTime() > policy.expiration) throw againstPolicy('Policy expired.')
  if ((fields.get('bucket') ?? bucket) !== bucket) throw againstPolicy('Extra input fields: bucket')
  return enforceConditions(policy, new Map([...fields, ['bucket', bucket]]))
}

function readPostClaim(fields: ReadonlyMap<string, string>, region: string | undefined): Claim | undefined {
  const v4 = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-signature'].some((name) => fields.has(name))
  const v2 = ['awsaccesskeyid', 'signature'].some((name) => fields.has(name))
  if (!v4 && !v2 && !fields.has('policy')) return undefined
  if (v4 && v2) throw invalidArgument('x-amz-algorithm', { message: 'Only one auth mechanism allowed' })
  return v4 ? readV4Claim(fields, region) : readV2Claim(fields)
}

function readV4Claim(fields: ReadonlyMap<string, string>, region: string | undefined): Claim {
  const policy = required(fields, 'policy')
  if (required(fields, 'x-amz-algorithm') !== v4Algorithm) {
    throw invalidArgument('x-amz-algorithm', { message: `X-Amz-Algorithm only supports "${v4Algorithm}"` })
  }
  const timestamp = parseTimestamp(required(fields, 'x-amz-date'))
  if (timestamp === undefined) {
    throw invalidArgument('x-amz-date', {
      message: "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
    })
  }
  const { accessKeyId, scope } = parseCredential(required(fields, 'x-amz-credential'), timestamp, region, (reason) =>
    invalidArgument('x-amz-credential', { message: `Error parsing the X-Amz-Credential parameter; ${reason}` }),
  )
  return policyClaim(accessKeyId, policy, required(fields, 'x-amz-signature'), (secretAccessKey) =>
    hmac(signingKey(secretAccessKey, scope), policy).toString('hex'),
  )
}

function readV2Claim(fields: ReadonlyMap<string, string>): Claim {
  const policy = required(fields, 'policy')
  return policyClaim(required(fields, 'AWSAccessKeyId'), policy, required(fields, 'signature'), (secretAccessKey) =>
    hmacSha1(secretAccessKey, policy),
  )
}

function policyClaim(
  accessKeyId: string,
  policy: string,
  signature: string,
  sign: (secretAccessKey: string) => string,
): Claim {
  return {
    accessKeyId,
    prove(secretAccessKey) {
      if (sameSignature(sign(secretAccessKey), signature)) return undefined
      throw signatureMismatch(
        { accessKeyId, signature, stringToSign: policy },
        'the policy was signed with another secret access key, or changed after signing',
      )
    },
  }
}

function required(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name.toLowerCase())
  if (value !== undefined && value !== '') return value
  throw invalidArgument(name, {
    message: `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
  })
}
