import { S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { type HttpRequest, queryValue } from '../http/request.js'

/** A whole number out of the query; undefined where it is absent or empty. Throws InvalidArgument. */
export function parseCount(
  request: Pick<HttpRequest, 'query'>,
  name: string,
  bounds: { readonly least: number; readonly most: number },
): number | undefined {
  const text = queryValue(request, name)
  if (text === undefined || text === '') return undefined
  const count = Number(text)
  if (!/^\d{1,10}$/.test(text) || count < bounds.least || count > bounds.most) {
    throw new S3Error('InvalidArgument', {
      message: `Argument ${name} must be an integer between ${bounds.least} and ${bounds.most}`,
      fields: { ArgumentName: name, ArgumentValue: text },
    })
  }
  return count
}

/** The `prefix` of a listing of keys, '' where absent; throws KeyTooLongError where no key could begin with it. */
export function parsePrefix(request: Pick<HttpRequest, 'query'>): string {
  return requireKeyLength(queryValue(request, 'prefix') ?? '')
}
