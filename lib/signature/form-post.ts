import { invalidArgument, S3Error } from '../errors.js'
import { readForm } from '../http/form.js'
import { type HttpRequest, header } from '../http/request.js'
import type { Identity, SignatureOptions } from './authenticate.js'
import { type CheckedBody, createCheckedBody } from './checked-body.js'
import { readExpectations } from './expectations.js'
import { limitedLength } from './length.js'
import { authenticatePost } from './post-policy.js'

/** An upload by a browser's form: who signed its policy, and the file as it must be. */
export interface FormPost {
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

/** Reads the fields of a form up to its file and holds them against the policy; throws as `authenticate` does. */
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

/** A form is signed by its policy; whoever signs the request as well could mean somebody else. */
function refuseOtherCredentials({ headers, query }: HttpRequest): void {
  if (headers.has('authorization') || query.has('X-Amz-Signature') || query.has('Signature')) {
    throw new S3Error('InvalidArgument', { message: 'Only one auth mechanism allowed.' })
  }
}
